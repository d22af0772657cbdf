"""The checks of the doctor, one subject per module."""
