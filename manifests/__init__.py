"""The contract: what a row is (schema, units, reasons), how it is read, written, checked and fingerprinted."""

__version__ = "0.1.0"
