// SPDX-License-Identifier: MIT
// A library that one role alone needs, loaded when that role begins.
#include "base/late.h"

#include <dlfcn.h>
#include <errno.h>

int late_load(const char *soname, const struct late_call *calls, size_t count, struct err *e)
{
	void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return err_set(
		        e, ENOENT, "the library %s cannot be loaded: %s; install it", soname, dlerror());
	for (size_t i = 0; i < count; i++) {
		union { // dlsym(3): POSIX lets a function's address pass through here
			void *object;
			void (*function)(void);
		} found = {.object = dlsym(library, calls[i].name)};
		if (!found.object)
			return err_set(e, ENOENT,
			        "the library %s has no %s; install the version it was built for", soname,
			        calls[i].name);
		*calls[i].to = found.function;
	}
	return 0;
}
