"""PyVISA finds the backend `@labmtj` by the name of this package; the code is in labmtj.twin.visa."""

from labmtj.twin.visa import TwinVisaLibrary

WRAPPER_CLASS = TwinVisaLibrary
