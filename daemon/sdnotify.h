/*
 * A word to the service manager over $NOTIFY_SOCKET.
 */
#ifndef DAEMON_SDNOTIFY_H
#define DAEMON_SDNOTIFY_H

/*
 * Sends `state` ("READY=1\nSTATUS=...") in one datagram.  0 when it was sent or nobody asked for
 * it, else a negative errno.  Any thread.
 */
int sdnotify_send(const char *state);

#endif
