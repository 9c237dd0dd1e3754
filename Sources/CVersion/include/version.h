// The version of the program, as the build was told by CLUP_VERSION; see Package.swift.
const char *clup_version(void);
