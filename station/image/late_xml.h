// SPDX-License-Identifier: MIT
// libxml2, loaded when something of it is wanted.
#ifndef GANGWAY_IMAGE_LATE_XML_H
#define GANGWAY_IMAGE_LATE_XML_H

#include "base/err.h"

// Before any function of libxml2, and before the process shuts itself in; again does nothing. Not from two threads at once.
int late_xml_load(struct err *e);

#endif
