#include "version.h"

const char *clup_version(void) { return CLUP_VERSION; }
