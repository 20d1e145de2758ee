"""PyVISA finds the backend `@labmtj` by the name of this package; the code is in labmtj.twin.visa.backend."""

from labmtj.twin.visa.backend import TwinVisaLibrary

WRAPPER_CLASS = TwinVisaLibrary
