/* SPDX-License-Identifier: Apache-2.0 */
/* The oci driver with a real runtime: tree, network, reattach, nothing left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "compute/oci_internal.h"
#include "unit/skip.h"

static struct {
	char dir[64], id[32], bridge[16], address[24], gateway[20];
} t;

static int setup(void **state)
{
	unsigned char octets[2];
	char tail[9];

	(void)state;
	id_random_bytes(octets, sizeof(octets));
	id_random_text(tail, 8, ID_ALPHABET_HEX);
	snprintf(t.dir, sizeof(t.dir), "/var/tmp/towpath-oci-%s", tail);
	snprintf(t.id, sizeof(t.id), "i-test%s", tail);
	snprintf(t.bridge, sizeof(t.bridge), "tpt%s", tail);
	snprintf(t.address, sizeof(t.address), "10.%d.%d.5/24", 100 + octets[0] % 100, octets[1]);
	snprintf(t.gateway, sizeof(t.gateway), "10.%d.%d.1", 100 + octets[0] % 100, octets[1]);
	return file_make_dirs(t.dir, 0700, NULL);
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(t.dir, NULL);
}

static struct compute_spec spec_of(void)
{
	return (struct compute_spec){
		.id = t.id,
		.dir = t.dir,
		.network = COMPUTE_NET_BRIDGE,
		.bridge = {.bridge = t.bridge, .address = t.address, .gateway = t.gateway},
		.limits = {.memory = 256 * MIB, .pids = 200},
		.detached = true,
		.log_fd = -1,
	};
}

static int run(struct compute_root *root, const char *script, struct str *out)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_exec *exec CLEANUP_COMPUTE_EXEC = NULL;
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exit end;
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	const char *envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	int pipe_fds[2];

	assert_int_equal(pipe(pipe_fds), 0);
	p.argv = argv;
	p.envp = (char *const *)envp;
	p.stdout_fd = p.stderr_fd = pipe_fds[1];
	assert_int_equal(root->driver->exec(root, &p, &exec, &err), 0);
	close(pipe_fds[1]);
	assert_int_equal(fd_read_all(pipe_fds[0], MIB, out, &err), 0);
	close(pipe_fds[0]);
	assert_int_equal(root->driver->wait(exec, -1, &end, &err), 1);
	return end.exit_code;
}

static void test_life(void **state)
{
	struct compute_spec spec = spec_of();
	struct err err CLEANUP_ERR = ERR_INIT;
	struct str out CLEANUP_STR = STR_INIT;
	struct compute_root *root = NULL;
	char path[128];

	(void)state;
	if (compute_oci.create(&compute_oci, &spec, &root, &err) < 0)
		fail_msg("%s", err_message(&err));
	assert_int_equal(run(root, "ip -4 -o addr show dev eth0; hostname; ls -A /root", &out), 0);
	assert_non_null(strstr(str_text(&out), t.address));
	assert_non_null(strstr(str_text(&out), t.id));
	str_clear(&out);
	assert_int_equal(run(root, "useradd -m ec2-user && id -un ec2-user", &out), 0);

	/* another process finds it */
	compute_oci.detach(root);
	root = NULL;
	if (compute_oci.attach(&compute_oci, t.id, t.dir, &root, &err) < 0)
		fail_msg("%s", err_message(&err));
	str_clear(&out);
	assert_int_equal(run(root, "id -un ec2-user", &out), 0);
	assert_string_equal(str_text(&out), "ec2-user\n");
	assert_true(compute_oci.watch_fd(root, &err) >= 0);

	assert_int_equal(compute_oci.destroy(root, &err), 0);
	assert_int_equal(compute_oci.attach(&compute_oci, t.id, t.dir, &root, &err), -1);
	assert_int_equal(compute_oci.attach(&compute_oci, t.id, t.dir, &root, NULL), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	snprintf(path, sizeof(path), "/sys/class/net/%s", t.bridge);
	assert_false(file_exists(path));
	snprintf(path, sizeof(path), "%s/root/etc", t.dir);
	assert_false(file_exists(path));
	/* again is fine */
	assert_int_equal(compute_oci.discard(&compute_oci, t.id, t.dir, &err), 0);
}

static void test_failed_create_leaves_nothing(void **state)
{
	struct compute_spec spec = spec_of();
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_root *root = NULL;
	const char *argv[] = {"/no/such/program", NULL};
	char dir[80], path[128];

	(void)state;
	snprintf(dir, sizeof(dir), "%s/second", t.dir);
	assert_int_equal(file_make_dirs(dir, 0700, &err), 0);
	spec.dir = dir;
	spec.init_argv = argv;
	assert_int_equal(compute_oci.create(&compute_oci, &spec, &root, &err), -1);
	assert_non_null(strstr(err_message(&err), "/no/such/program"));
	snprintf(path, sizeof(path), "/sys/class/net/%s", t.bridge);
	assert_false(file_exists(path));
}

/* ---- pods ---- */

static int check(const char *const *argv, struct str *out)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	str_clear(out);
	return spawn_check(argv, out, &err);
}

/* "02:54:0a:58:00:05" */
static void read_hardware(const char *netns, char ret[18])
{
	const char *link[] = {"ip", "-n", netns, "-o", "link", "show", "dev", "eth0", NULL};
	struct str out CLEANUP_STR = STR_INIT;
	const char *at;

	assert_int_equal(check(link, &out), 0);
	at = strstr(str_text(&out), "link/ether ");
	assert_non_null(at);
	snprintf(ret, 18, "%s", at + strlen("link/ether "));
}

static void test_pod_network(void **state)
{
	struct compute_pod pod = {.id = t.id,
		.network = COMPUTE_NET_BRIDGE,
		.bridge = {.bridge = t.bridge, .address = t.address, .gateway = t.gateway}};
	char *netns CLEANUP(freep) = xasprintf("towpath-%s", t.id);
	char *path CLEANUP(freep) = oci_pod_network(t.id);
	const char *addresses[] = {"ip", "-n", netns, "-4", "-o", "addr", NULL};
	const char *routes[] = {"ip", "-n", netns, "route", NULL};
	const char *reach[] = {"ip", "-n", netns, "route", "get", t.gateway, NULL};
	struct str out CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	char bridge[64], hardware[2][18];

	(void)state;
	snprintf(bridge, sizeof(bridge), "/sys/class/net/%s", t.bridge);
	/* what an earlier try left is made anew */
	for (int i = 0; i < 2; i++) {
		if (compute_oci.pod_make(&compute_oci, &pod, &err) < 0)
			fail_msg("%s", err_message(&err));
		read_hardware(netns, hardware[i]);
	}
	/* what neighbours remember of the one before holds for the next one of that address */
	assert_string_equal(hardware[0], hardware[1]);
	assert_int_equal(check(addresses, &out), 0);
	assert_non_null(strstr(str_text(&out), t.address));
	assert_non_null(strstr(str_text(&out), "127.0.0.1/8"));
	assert_int_equal(check(routes, &out), 0);
	assert_non_null(strstr(str_text(&out), "default via"));
	assert_int_equal(check(reach, &out), 0);
	assert_non_null(strstr(str_text(&out), "dev eth0"));
	/* the thread is back in the host's network */
	assert_true(file_exists(bridge));

	assert_int_equal(compute_oci.pod_drop(&compute_oci, &pod, &err), 0);
	assert_false(file_exists(path));
	assert_false(file_exists(bridge));
	assert_int_equal(compute_oci.pod_drop(&compute_oci, &pod, &err), 0);
}

static void test_pod_without_network(void **state)
{
	struct compute_pod pod = {.id = t.id, .network = COMPUTE_NET_NONE};
	char *netns CLEANUP(freep) = xasprintf("towpath-%s", t.id);
	const char *links[] = {"ip", "-n", netns, "-o", "link", NULL};
	struct str out CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	if (compute_oci.pod_make(&compute_oci, &pod, &err) < 0)
		fail_msg("%s", err_message(&err));
	assert_int_equal(check(links, &out), 0);
	assert_non_null(strstr(str_text(&out), "LOOPBACK,UP"));
	assert_null(strstr(str_text(&out), "eth0"));
	assert_int_equal(compute_oci.pod_drop(&compute_oci, &pod, &err), 0);
}

/* An address that no interface takes: nothing of the pod stays. */
static void test_failed_pod_leaves_nothing(void **state)
{
	struct compute_pod pod = {.id = t.id,
		.network = COMPUTE_NET_BRIDGE,
		.bridge = {.bridge = t.bridge, .address = "nowhere/24", .gateway = t.gateway}};
	char *path CLEANUP(freep) = oci_pod_network(t.id);
	struct err err CLEANUP_ERR = ERR_INIT;
	char bridge[64];

	(void)state;
	snprintf(bridge, sizeof(bridge), "/sys/class/net/%s", t.bridge);
	assert_int_equal(compute_oci.pod_make(&compute_oci, &pod, &err), -1);
	assert_non_null(strstr(err_message(&err), "nowhere/24"));
	assert_false(file_exists(path));
	assert_false(file_exists(bridge));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_failed_create_leaves_nothing),
		cmocka_unit_test(test_pod_network),
		cmocka_unit_test(test_pod_without_network),
		cmocka_unit_test(test_failed_pod_leaves_nothing),
	};
	struct err err CLEANUP_ERR = ERR_INIT;

	if (compute_oci.probe(&compute_oci, &err) < 0)
		SKIP_ALL(err_message(&err));
	return cmocka_run_group_tests(tests, setup, teardown);
}
