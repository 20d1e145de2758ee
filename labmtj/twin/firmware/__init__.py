"""Firmwares of simulated instruments, one model a module."""
