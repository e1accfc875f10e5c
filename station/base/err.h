// SPDX-License-Identifier: MIT
// Errors: one line that names the thing, the reason and the next step.
#ifndef GANGWAY_BASE_ERR_H
#define GANGWAY_BASE_ERR_H

/*
 * The contract, for every function in the house that takes a `struct err *` (always its last parameter):
 *
 *  - 0 (or a documented positive answer) is success, and *e is untouched;
 *  - a negative value is -errno, and *e holds it with one line for a person: what failed, which file or
 *    device, why, what to do next. Callers forward it unchanged, or prefix it with err_prefix();
 *  - `failure` is one of core/failure.h's codes when the failure decides a board's verdict, else 0
 *    (base knows nothing of the list);
 *  - e may be NULL where the caller only wants to know that it failed.
 *
 * Nothing below main() calls exit().
 */
struct err {
	int num;        // a positive errno
	int failure;    // enum failure, or 0
	char text[480]; // one line, no newline at the end, never empty once set
};

// Sets *e and returns -num, so that a failing function can `return err_set(...)`. num 0 counts as EIO.
int err_set(struct err *e, int num, const char *format, ...) __attribute__((format(printf, 3, 4)));

// As err_set(), with the failure code a verdict needs.
int err_fail(struct err *e, int num, int failure, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

// As err_set(), with ": " and strerror(num) behind the text. num is read first, so passing errno is safe.
int err_sys(struct err *e, int num, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Puts "text: " in front of what *e says; returns -e->num.
int err_prefix(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
