// SPDX-License-Identifier: MIT
// Source to sink through a decoder: reading and hashing, decoding, and hashing and writing each in threads of their own.
#ifndef GANGWAY_IMAGE_PIPELINE_H
#define GANGWAY_IMAGE_PIPELINE_H

#include "image/decode.h"
#include "image/sink.h"

struct pipeline {
	const char *image_name; // borrowed
	int image_fd;           // borrowed; read with pread(2)
	uint64_t file_size;
	const struct decode_ops *ops; // NULL: the source is only hashed
	struct sink *sink;            // NULL: the same
	unsigned threads;             // that decode parts of the file; 0 or 1: it is decoded in one go
	// Called from a thread of the pipeline after every piece.
	void (*progress)(void *context, uint64_t done);
	void *context;
};

// Runs it to the end. source_sha256 is of all the file's bytes.
int pipeline_run(const struct pipeline *pipeline, uint8_t source_sha256[DIGEST_SHA256_SIZE], struct err *e);

// Only hashes the source.
int pipeline_hash(const struct pipeline *pipeline, uint8_t source_sha256[DIGEST_SHA256_SIZE], struct err *e);

#endif
