// SPDX-License-Identifier: MIT
// What a sub-command is, and how main() finds it.
#ifndef GANGWAY_CLI_COMMAND_H
#define GANGWAY_CLI_COMMAND_H

#include <stddef.h>

// Exit codes of every sub-command that does not say otherwise.
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum command_kind {
	COMMAND_USER, // listed by `gangway help`
	COMMAND_ROLE, // a process role, started by other commands with inherited descriptors
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv); // argv[0] is the sub-command's name; returns the exit code
	const char *summary;               // one line for `gangway help`
	enum command_kind kind;
};

// Runs the sub-command that argv[1] names; without one, or with help, prints the table.
int command_run(const struct command *commands, size_t count, int argc, char **argv);

// One file each in cli/.
int cmd_bmap(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_image_script(int argc, char **argv); // `gangway image script`, called by cmd_image()
int cmd_job(int argc, char **argv);
int cmd_slot(int argc, char **argv);
int cmd_slots(int argc, char **argv);
int cmd_station(int argc, char **argv);
int cmd_fixture(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_on_target(int argc, char **argv);
int cmd_stick(int argc, char **argv);
int cmd_version(int argc, char **argv);
int cmd_write(int argc, char **argv);

#endif
