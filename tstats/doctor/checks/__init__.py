"""The checks of the doctor, one subject per module; `doctor.diagnose` builds them."""
