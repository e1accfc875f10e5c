// SPDX-License-Identifier: MIT
// What an importer tells its parent: one fixed-size packet each. The parent believes none of it unchecked.
#ifndef GANGWAY_IMAGE_IMPORT_WIRE_H
#define GANGWAY_IMAGE_IMPORT_WIRE_H

#include "image/image.h"

enum import_message_type {
	IMPORT_LOOKED = 1, // codec
	IMPORT_READY,      // stored, bmap_sha256; descriptors: data, front, lock
	IMPORT_PROGRESS,   // decoded, total
	IMPORT_NOTE,       // text
	IMPORT_DONE,       // key, source_sha256, unchanged
	IMPORT_FAILED,     // num, failure, text
};

struct import_message {
	uint32_t type; // enum import_message_type
	uint32_t stored;
	uint32_t unchanged;
	int32_t num;
	uint32_t failure;
	uint64_t decoded, total; // total 0: not known
	char codec[16];
	char key[SHA256_HEX_SIZE];
	char source_sha256[SHA256_HEX_SIZE];
	char bmap_sha256[SHA256_HEX_SIZE];
	char text[480];
};

// The importer's inherited descriptors, in order. The bmap comes last because it may be absent.
enum { IMPORTER_FD_SOCKET = 3, IMPORTER_FD_WAKE, IMPORTER_FD_IMAGE, IMPORTER_FD_BMAP };
enum { IMPORT_READY_FDS = 3 };

#endif
