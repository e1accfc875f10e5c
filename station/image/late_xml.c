// SPDX-License-Identifier: MIT
// libxml2's functions, as far as they are used here, in front of those of the library (base/late.h).
#include "image/late_xml.h"

#include <libxml/parser.h>

#include "base/late.h"

_Static_assert(sizeof(LATE_LIBXML2) > 1, "objdump(1) has not told the library's soname");

#define CALL(name)                        \
	union {                           \
		void (*any)(void);        \
		__typeof__(&(name)) call; \
	} name

// Written once, by late_xml_load(), as the loader does with a linked library.
static struct {
	CALL(xmlInitParser);
	CALL(xmlCleanupParser);
	CALL(xmlCreatePushParserCtxt);
	CALL(xmlCtxtUseOptions);
	CALL(xmlParseChunk);
	CALL(xmlStopParser);
	CALL(xmlFreeParserCtxt);
} real;

int late_xml_load(struct err *e)
{
	const struct late_call calls[] = {
	        {"xmlInitParser", &real.xmlInitParser.any},
	        {"xmlCleanupParser", &real.xmlCleanupParser.any},
	        {"xmlCreatePushParserCtxt", &real.xmlCreatePushParserCtxt.any},
	        {"xmlCtxtUseOptions", &real.xmlCtxtUseOptions.any},
	        {"xmlParseChunk", &real.xmlParseChunk.any},
	        {"xmlStopParser", &real.xmlStopParser.any},
	        {"xmlFreeParserCtxt", &real.xmlFreeParserCtxt.any},
	};
	if (real.xmlInitParser.any)
		return 0;
	return late_load(LATE_LIBXML2, calls, sizeof(calls) / sizeof(calls[0]), e);
}

void xmlInitParser(void)
{
	real.xmlInitParser.call();
}

void xmlCleanupParser(void)
{
	if (real.xmlCleanupParser.any) // nothing was loaded, nothing is to be cleaned up
		real.xmlCleanupParser.call();
}

xmlParserCtxtPtr xmlCreatePushParserCtxt(
        xmlSAXHandlerPtr sax, void *context, const char *chunk, int size, const char *name)
{
	return real.xmlCreatePushParserCtxt.call(sax, context, chunk, size, name);
}

int xmlCtxtUseOptions(xmlParserCtxtPtr parser, int options)
{
	return real.xmlCtxtUseOptions.call(parser, options);
}

int xmlParseChunk(xmlParserCtxtPtr parser, const char *chunk, int size, int terminate)
{
	return real.xmlParseChunk.call(parser, chunk, size, terminate);
}

void xmlStopParser(xmlParserCtxtPtr parser)
{
	real.xmlStopParser.call(parser);
}

void xmlFreeParserCtxt(xmlParserCtxtPtr parser)
{
	real.xmlFreeParserCtxt.call(parser);
}
