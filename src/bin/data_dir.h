/* SPDX-License-Identifier: Apache-2.0 */
/* The server's data folder: its lock, its parts, and what of it is told to other programs. */
#ifndef TOWPATH_BIN_DATA_DIR_H
#define TOWPATH_BIN_DATA_DIR_H

#include "base/err.h"

/* Makes the folder (0700) and run/ in it, and locks it for this process: the descriptor is the
 * caller's, closing it unlocks. ERR_CONFLICT names the process that has it. */
int data_dir_lock(const char *path, int *ret_fd, struct err *err);

/* What run/server.json says. */
struct server_info {
	int pid;
	char *endpoint, *account, *region;
	char *local_endpoint; /* for programs on this machine: plain HTTP on the loopback, or
				 endpoint */
	char *ca_file;	      /* the certificate that the server made for itself, or NULL */
	int clock_rate;	      /* how many times as fast as true time its clock runs */
	int ssh_port;	      /* 0: none */
};
void server_info_release(struct server_info *i);
/* Writes run/server.json, atomically. */
int server_info_write(const char *data_dir, const struct server_info *info, struct err *err);
/* Reads it. ERR_NOT_FOUND with a hint when no server has run there. */
int server_info_read(const char *data_dir, struct server_info *ret, struct err *err);

/* The key that commands and users on this machine sign with: DIR/credentials, in the form of the
 * aws CLI's shared credentials file with one profile, "towpath" (0600). */
struct server_profile {
	char *key_id, *secret;
};
void server_profile_release(struct server_profile *p);
int server_profile_write(const char *data_dir, const struct server_profile *p, struct err *err);
int server_profile_read(const char *data_dir, struct server_profile *ret, struct err *err);

#endif
