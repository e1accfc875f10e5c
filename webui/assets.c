// SPDX-License-Identifier: MIT
// The page's files, embedded in the binary.
#include "webui/assets.h"

#include <string.h>

#include "base/digest.h"

// X(symbol in page.S, path, type)
#define ASSETS(X)                                                           \
	X(index, "/", "text/html; charset=utf-8")                           \
	X(common_style, "/common.css", "text/css; charset=utf-8")           \
	X(style, "/style.css", "text/css; charset=utf-8")                   \
	X(icon, "/icon.svg", "image/svg+xml")                               \
	X(app, "/app.js", "text/javascript; charset=utf-8")                 \
	X(stream, "/stream.js", "text/javascript; charset=utf-8")           \
	X(wall, "/wall.js", "text/javascript; charset=utf-8")               \
	X(words, "/words.js", "text/javascript; charset=utf-8")             \
	X(sound, "/sound.js", "text/javascript; charset=utf-8")             \
	X(keys, "/keys.js", "text/javascript; charset=utf-8")               \
	X(actions, "/actions.js", "text/javascript; charset=utf-8")         \
	X(detail, "/detail.js", "text/javascript; charset=utf-8")           \
	X(head, "/head.js", "text/javascript; charset=utf-8")               \
	X(records, "/records.js", "text/javascript; charset=utf-8")         \
	X(ledger_page, "/ledger", "text/html; charset=utf-8")               \
	X(ledger_style, "/ledger.css", "text/css; charset=utf-8")           \
	X(ledger, "/ledger.js", "text/javascript; charset=utf-8")           \
	X(el, "/el.js", "text/javascript; charset=utf-8")                   \
	X(table, "/table.js", "text/javascript; charset=utf-8")             \
	X(chart, "/chart.js", "text/javascript; charset=utf-8")             \
	X(story, "/story.js", "text/javascript; charset=utf-8")             \
	X(lot, "/lot.js", "text/javascript; charset=utf-8")                 \
	X(certificate, "/certificate.js", "text/javascript; charset=utf-8") \
	X(lists, "/lists.js", "text/javascript; charset=utf-8")

#define X(symbol, path, type) extern const unsigned char asset_##symbol##_start[], asset_##symbol##_end[];
ASSETS(X)
#undef X

const struct asset *asset_find(const char *path)
{
	static const struct asset assets[] = {
#define X(symbol, path, type) {path, type, asset_##symbol##_start, asset_##symbol##_end},
	        ASSETS(X)
#undef X
	};
	for (size_t i = 0; i < ARRAY_SIZE(assets); i++)
		if (!strcmp(path, assets[i].path))
			return &assets[i];
	return NULL;
}

void asset_tag(const struct asset *asset, char tag[ASSET_TAG_SIZE])
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	digest_sha256(asset->start, (size_t)(asset->end - asset->start), digest);
	digest_hex(digest, sizeof(digest), hex);
	snprintf(tag, ASSET_TAG_SIZE, "\"%.16s\"", hex);
}
