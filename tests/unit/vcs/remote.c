/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "vcs/remote.h"

static void test_addresses(void **state)
{
	(void)state;
	assert_true(vcs_remote_is_url("https://example.com/a.git"));
	assert_true(vcs_remote_is_url("http://10.0.0.1:8080/a"));
	assert_false(vcs_remote_is_url("https:///a.git"));
	assert_false(vcs_remote_is_url("https://"));
	assert_false(vcs_remote_is_url("ssh://git@example.com/a.git"));
	assert_false(vcs_remote_is_url("git@example.com:a/b.git"));
	assert_false(vcs_remote_is_url("/srv/a.git"));
	assert_false(vcs_remote_is_url("--upload-pack=true"));
	assert_false(vcs_remote_is_url("https://example.com/a\nhost=example.org"));
	assert_false(vcs_remote_is_url("https://example.com\\@example.org/a"));
}

static void test_secrets_in_addresses(void **state)
{
	(void)state;
	assert_true(vcs_remote_url_has_secret("https://user:token@example.com/a.git"));
	assert_true(vcs_remote_url_has_secret("https://a@github.com:x@example.com/a.git"));
	assert_false(vcs_remote_url_has_secret("https://user@example.com/a.git"));
	assert_false(vcs_remote_url_has_secret("https://example.com:8443/a@b:c.git"));
	assert_false(vcs_remote_url_has_secret("git@example.com:a/b.git"));
	assert_false(vcs_remote_url_has_secret("/srv/a:b@c.git"));
}

static void test_settings_count_on(void **state)
{
	CLEANUP_STRV struct strv env = {0};

	(void)state;
	strv_setenv(&env, "GIT_CONFIG_COUNT", "3"); /* what the user has already */
	vcs_env_credential(&env, "https://example.com/", "me", "s3cret");
	assert_string_equal(strv_getenv(&env, "GIT_CONFIG_COUNT"), "6");
	assert_string_equal(
		strv_getenv(&env, "GIT_CONFIG_KEY_3"), "credential.https://example.com/.helper");
	assert_string_equal(strv_getenv(&env, "GIT_CONFIG_VALUE_3"), "");
	for (size_t i = 0; i < env.n; i++)
		if (strstr(env.v[i], "s3cret"))
			assert_int_equal(strncmp(env.v[i], "TOWPATH_GIT_PASSWORD=", 21), 0);
}

static void test_a_credential_is_for_its_host(void **state)
{
	const struct vcs_remote r = {.url = "https://git.example.com:8443/team/shop.git",
		.user = "me",
		.password = "s3cret",
		.insecure_tls = true};
	CLEANUP_STRV struct strv env = {0};
	bool verify = false, helper = false;

	(void)state;
	vcs_env_remote(&env, &r);
	for (size_t i = 0; i < env.n; i++) {
		verify |= strstr(env.v[i], "=http.https://git.example.com:8443/.sslVerify") != NULL;
		helper |= strstr(env.v[i], "=credential.https://git.example.com:8443/.helper") !=
			  NULL;
	}
	assert_true(verify && helper);
	assert_string_equal(strv_getenv(&env, "GIT_ALLOW_PROTOCOL"), "http:https");
}

static void test_troubles(void **state)
{
	static const struct {
		const char *said;
		enum vcs_trouble trouble;
	} cases[] = {
		{"fatal: Authentication failed for 'http://h/x'", VCS_TROUBLE_CREDENTIAL},
		{"fatal: repository 'http://h/x/' not found", VCS_TROUBLE_ADDRESS},
		{"fatal: unable to access 'https://h/': server certificate verification failed",
			VCS_TROUBLE_TLS},
		{"fatal: unable to access 'https://h/': Failed to connect to h", VCS_TROUBLE_REACH},
		{"fatal: couldn't find remote ref refs/heads/x", VCS_TROUBLE_REFERENCE},
		{"fatal: remote error: upload-pack: not our ref abc", VCS_TROUBLE_REFERENCE},
		{"fatal: something else", VCS_TROUBLE_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(vcs_trouble_of(cases[i].said), cases[i].trouble);
}

/* Accepts one connection, begins an answer that never ends, and waits for the other end to go. */
struct host {
	int fd;
	struct interrupt *interrupt; /* raised when the answer has begun, or NULL */
};

static void *serve_without_end(void *arg)
{
	struct host *h = arg;
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: "
				     "application/x-git-upload-pack-advertisement\r\n\r\n"
				     "001e# service=git-upload-pack\n0000";
	const struct timeval most = {.tv_sec = 100};
	CLEANUP_FD int c = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC);
	char buf[4096];
	ssize_t n;

	if (c < 0) /* git was given up before it came */
		return NULL;
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	send(c, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
	if (h->interrupt)
		interrupt_raise(h->interrupt);
	do
		n = recv(c, buf, sizeof(buf), 0);
	while (n > 0);
	return n < 0 && errno == EAGAIN ? "the connection is still there" : NULL;
}

/* Asks a host that never answers to the end; returns the kind of the failure. */
static enum err_kind ask_without_answer(struct vcs_remote r, struct interrupt *interrupt)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const char *const names[] = {"HEAD", NULL};
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct host host = {fd, interrupt};
	socklen_t len = sizeof(at);
	struct vcs_remote_refs refs;
	pthread_t thread;
	void *wrong;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	r.url = arena_printf(&a, "http://127.0.0.1:%d/a.git", ntohs(at.sin_port));
	assert_int_equal(pthread_create(&thread, NULL, serve_without_end, &host), 0);
	assert_int_equal(vcs_remote_list(&r, names, &a, &refs, &err), -1);
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, &wrong);
	assert_null(wrong);
	return err.kind;
}

static void test_nothing_outlives_its_time(void **state)
{
	const struct vcs_bounds bounds = {.deadline_usec = monotonic_usec() + USEC_PER_SEC};

	(void)state;
	assert_int_equal(
		ask_without_answer((struct vcs_remote){.timeout_usec = USEC_PER_SEC}, NULL),
		ERR_TIMEOUT);
	assert_int_equal(
		ask_without_answer((struct vcs_remote){.bounds = &bounds}, NULL), ERR_TIMEOUT);
}

static void test_an_interruption_ends_git(void **state)
{
	struct interrupt interrupt = INTERRUPT_INIT;
	const struct vcs_bounds bounds = {.interrupt = &interrupt};
	const struct vcs_remote r = {.bounds = &bounds};

	(void)state;
	assert_int_equal(interrupt_init(&interrupt, NULL), 0);
	assert_int_equal(ask_without_answer(r, &interrupt), ERR_CANCELLED);
	assert_int_equal(ask_without_answer(r, &interrupt), ERR_CANCELLED); /* nothing is begun */
	interrupt_release(&interrupt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_secrets_in_addresses),
		cmocka_unit_test(test_settings_count_on),
		cmocka_unit_test(test_a_credential_is_for_its_host),
		cmocka_unit_test(test_troubles),
		cmocka_unit_test(test_nothing_outlives_its_time),
		cmocka_unit_test(test_an_interruption_ends_git),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
