"""A run for other programs: tables as CSV, one flat netCDF file, the data file of the ArC TWO control panel."""
