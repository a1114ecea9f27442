// SPDX-License-Identifier: GPL-2.0-or-later
// Compiles the shared header as freestanding C11, as a kernel would use it: compiling is the test. What its functions
// do is tested from C++ (tests/unit/format/log_record_test.cpp), which uses the same ones.
#include "kernel/format/log_record.h"

_Static_assert(sizeof(struct mars_log_header) == 32, "no padding between the decoded header fields");
_Static_assert(sizeof(struct mars_log_trailer) == 28, "only tail padding in the decoded trailer fields");
