// SPDX-License-Identifier: MIT
// The web role: serves the page and the HTTP API; to the station it is one more client of the control socket.
#ifndef GANGWAY_WEBUI_WEB_H
#define GANGWAY_WEBUI_WEB_H

/*
 * gangway web --listen ADDR:PORT [--host NAME]...
 *
 * Descriptor 3 is a connected control stream (docs/protocol.md). Once the port is bound the role reports
 * {"cmd":"web.listening","args":{"url":...}} on it; port 0 takes any free one. It opens no file, and ends with
 * exit code 0 when the station closes the stream, 1 with one line on stderr when it cannot listen, 2 on usage.
 * --host allows a further host name in requests (a name a proxy uses, say); see guard.h.
 */
int web_role(int argc, char **argv);

#endif
