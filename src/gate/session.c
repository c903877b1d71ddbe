/* SPDX-License-Identifier: Apache-2.0 */
/* One client: key exchange, login by public key, and commands one after another. No other way to
 * log in, no terminal, no shell, no forwarding, no subsystem: what is not taken here is refused by
 * libssh. The server decides about keys and commands, over the link. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <libssh/callbacks.h>
#include <libssh/server.h>

#include "base/fd.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "net/ssh_link.h"

#define LOGIN_SECONDS 60
#define KEYS_TRIED_MAX 10
#define TURN_MSEC 10000
#define COMMAND_MAX 4096
#define PROTOCOL_MAX 256

static const char greeting[] =
	"You have successfully authenticated over SSH. You can use Git to interact with Towpath. "
	"Interactive shells are not supported.\n";

struct session {
	int link;
	ssh_session ssh;
	ssh_event event;
	ssh_channel channel; /* one at a time */
	bool over;	     /* nothing more comes of this client */
	bool logged_in;
	int tried;
	char *user, *key; /* that the server has said yes to */
	/* of the channel: */
	char *protocol, *command;
	bool shell;
	struct ssh_server_callbacks_struct callbacks;
	struct ssh_channel_callbacks_struct channel_callbacks;
};

/* ---- what the server says ---- */

static bool ask(struct session *s, const char *const *fields)
{
	CLEANUP_SSH_LINK_MESSAGE struct ssh_link_message m;

	if (ssh_link_send(s->link, fields, NULL, 0, NULL) == 0 &&
		ssh_link_receive(s->link, &m, NULL) > 0)
		return streq(m.fields[0], "yes");
	s->over = true;
	return false;
}

/* ---- login ---- */

static int offered(struct session *s, const char *user, const char *key)
{
	const char *const question[] = {"key", user, key, NULL};

	if (s->tried++ >= KEYS_TRIED_MAX) {
		s->over = true;
		return SSH_AUTH_DENIED;
	}
	if (!ask(s, question))
		return SSH_AUTH_DENIED;
	free(s->user);
	free(s->key);
	s->user = xstrdup(user);
	s->key = xstrdup(key);
	return SSH_AUTH_SUCCESS;
}

static int proved(struct session *s)
{
	const char *banner = ssh_get_clientbanner(s->ssh);
	const char *const question[] = {"login", banner ? banner : "", NULL};

	s->logged_in = ask(s, question);
	return s->logged_in ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
}

static int on_public_key(
	ssh_session ssh, const char *user, struct ssh_key_struct *key, char state, void *arg)
{
	struct session *s = arg;
	char *text = NULL;
	int rc = SSH_AUTH_DENIED;

	(void)ssh;
	if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK)
		return SSH_AUTH_DENIED;
	if (state == SSH_PUBLICKEY_STATE_NONE)
		rc = offered(s, user, text);
	/* A client may prove a key that it has not asked about. */
	else if (state == SSH_PUBLICKEY_STATE_VALID &&
		 ((streq(s->user, user) && streq(s->key, text)) ||
			 offered(s, user, text) == SSH_AUTH_SUCCESS))
		rc = proved(s);
	ssh_string_free_char(text);
	return rc;
}

/* ---- a channel ---- */

static int on_env(
	ssh_session ssh, ssh_channel channel, const char *name, const char *value, void *arg)
{
	struct session *s = arg;

	(void)ssh;
	(void)channel;
	if (!streq(name, "GIT_PROTOCOL") || strlen(value) > PROTOCOL_MAX)
		return -1;
	free(s->protocol);
	s->protocol = xstrdup(value);
	return 0;
}

static int on_exec(ssh_session ssh, ssh_channel channel, const char *command, void *arg)
{
	struct session *s = arg;

	(void)ssh;
	(void)channel;
	if (s->command || s->shell || strlen(command) > COMMAND_MAX)
		return -1;
	s->command = xstrdup(command);
	return 0;
}

static int on_shell(ssh_session ssh, ssh_channel channel, void *arg)
{
	struct session *s = arg;

	(void)ssh;
	(void)channel;
	if (s->command)
		return -1;
	s->shell = true;
	return 0;
}

static ssh_channel on_channel(ssh_session ssh, void *arg)
{
	struct session *s = arg;

	if (!s->logged_in || s->channel)
		return NULL;
	s->channel = ssh_channel_new(ssh);
	if (s->channel)
		ssh_set_channel_callbacks(s->channel, &s->channel_callbacks);
	return s->channel;
}

/* ---- a command ---- */

/* Hands the command and its descriptors to the server. */
static int start_command(struct session *s, struct relay_fds *ret)
{
	const char *const fields[] = {"exec", s->command, s->protocol ? s->protocol : "", NULL};
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errout[2] = {-1, -1}, theirs[3], rc = -1;

	if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 &&
		pipe2(errout, O_CLOEXEC) == 0) {
		theirs[0] = in[0];
		theirs[1] = out[1];
		theirs[2] = errout[1];
		rc = ssh_link_send(s->link, fields, theirs, ARRAY_SIZE(theirs), NULL);
	}
	fd_closep(&in[0]);
	fd_closep(&out[1]);
	fd_closep(&errout[1]);
	*ret = (struct relay_fds){in[1], out[0], errout[0]};
	return rc;
}

static int run_command(struct session *s, int *ret_status)
{
	struct relay_fds fds;

	if (start_command(s, &fds) == 0)
		return relay_run(s->ssh, s->event, s->channel, s->link, &fds, ret_status);
	fd_closep(&fds.in);
	fd_closep(&fds.out);
	fd_closep(&fds.errout);
	return -1;
}

static void end_channel(struct session *s)
{
	ssh_remove_channel_callbacks(s->channel, &s->channel_callbacks);
	ssh_channel_free(s->channel);
	s->channel = NULL;
	free(s->protocol);
	free(s->command);
	s->protocol = s->command = NULL;
	s->shell = false;
}

static void serve_channel(struct session *s)
{
	int status = 1;

	if (s->shell)
		ssh_channel_write_stderr(s->channel, greeting, sizeof(greeting) - 1);
	else if (run_command(s, &status) < 0)
		s->over = true;
	if (!s->over) {
		ssh_channel_request_send_exit_status(s->channel, status);
		ssh_channel_send_eof(s->channel);
		ssh_channel_close(s->channel);
	}
	end_channel(s);
}

/* ---- life ---- */

static void loop(struct session *s)
{
	while (!s->over && ssh_is_connected(s->ssh)) {
		if (ssh_event_dopoll(s->event, TURN_MSEC) == SSH_ERROR)
			return;
		if (s->logged_in)
			alarm(0);
		if (s->channel && (s->command || s->shell))
			serve_channel(s);
		else if (s->channel && ssh_channel_is_closed(s->channel))
			end_channel(s);
	}
}

static void set_callbacks(struct session *s)
{
	s->callbacks = (struct ssh_server_callbacks_struct){
		.userdata = s,
		.auth_pubkey_function = on_public_key,
		.channel_open_request_session_function = on_channel,
	};
	s->channel_callbacks = (struct ssh_channel_callbacks_struct){
		.userdata = s,
		.channel_env_request_function = on_env,
		.channel_exec_request_function = on_exec,
		.channel_shell_request_function = on_shell,
	};
	ssh_callbacks_init(&s->callbacks);
	ssh_callbacks_init(&s->channel_callbacks);
}

static int start(struct session *s, ssh_bind bind, int client)
{
	set_callbacks(s);
	s->ssh = ssh_new();
	if (!s->ssh || ssh_bind_accept_fd(bind, s->ssh, client) != SSH_OK)
		return -1;
	ssh_set_server_callbacks(s->ssh, &s->callbacks);
	ssh_set_auth_methods(s->ssh, SSH_AUTH_METHOD_PUBLICKEY);
	if (ssh_handle_key_exchange(s->ssh) != SSH_OK)
		return -1;
	s->event = ssh_event_new();
	return s->event && ssh_event_add_session(s->event, s->ssh) == SSH_OK ? 0 : -1;
}

void session_serve(const struct host_keys *keys, int client, int link)
{
	struct session s = {.link = link};
	ssh_bind bind = ssh_bind_new();
	bool no = false;

	alarm(LOGIN_SECONDS);
	ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
	for (size_t i = 0; i < HOST_KEYS; i++)
		ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, keys->keys[i]);
	if (start(&s, bind, client) == 0)
		loop(&s);
	/* The process ends here: the kernel closes what is open. */
	if (s.ssh)
		ssh_disconnect(s.ssh);
}
