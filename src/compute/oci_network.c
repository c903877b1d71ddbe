/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of oci roots: a bridge on the host, a pair of interfaces a root, address translation
 * to the outside. Bridges are made with ip(8) and iptables(8); every rule names its bridge, so that
 * what was made is found again and taken away with the bridge. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/vec.h"
#include "compute/oci_internal.h"

static pthread_mutex_t network_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- firewall ---- */

/* Words between the chain and the end; "BR" the bridge, "GW" its address, "NET" its network,
 * "CH" its own chain. */
struct rule {
	const char *table, *chain;
	const char *words[14];
};

static const struct rule rules[] = {
	{"nat", "POSTROUTING", {"-s", "NET", "!", "-o", "BR", "-j", "MASQUERADE"}},
	{"nat", "PREROUTING", {"-i", "BR", "-d", "GW", "-j", "CH"}},
	{"nat", "PREROUTING", {"-i", "BR", "-d", COMPUTE_CREDENTIALS_ADDRESS, "-j", "CH"}},
	{"filter", "FORWARD", {"-i", "BR", "-j", "ACCEPT"}},
	{"filter", "FORWARD",
		{"-o", "BR", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j",
			"ACCEPT"}},
};

static void own_chain(const struct compute_bridge *b, char name[32])
{
	snprintf(name, 32, "TP-%s", b->bridge);
}

static void network_of(const struct compute_bridge *b, char text[64])
{
	const char *dot = strrchr(b->gateway, '.');

	snprintf(text, 64, "%.*s.0/24", (int)(dot ? dot - b->gateway : 0), b->gateway);
}

static int iptables(const char *const *words, struct err *err)
{
	VEC(const char *) argv = {0};
	int r;

	vec_push(&argv, "iptables");
	vec_push(&argv, "-w");
	for (; *words; words++)
		vec_push(&argv, *words);
	vec_push(&argv, NULL);
	r = spawn_check(argv.v, NULL, err);
	vec_release(&argv);
	return r;
}

/* action: -C, -A or -D */
static int rule_do(
	const struct rule *r, const struct compute_bridge *b, const char *action, struct err *err)
{
	const char *words[24] = {"-t", r->table, action, r->chain};
	char chain[32], net[64];
	size_t n = 4;

	own_chain(b, chain);
	network_of(b, net);
	for (size_t i = 0; i < ARRAY_SIZE(r->words) && r->words[i]; i++) {
		const char *w = r->words[i];

		words[n++] = streq(w, "BR")    ? b->bridge
			     : streq(w, "GW")  ? b->gateway
			     : streq(w, "NET") ? net
			     : streq(w, "CH")  ? chain
					       : w;
	}
	words[n] = NULL;
	return iptables(words, err);
}

static int redirect_set(const struct compute_bridge *b, struct err *err)
{
	char chain[32], inside[16], to[64];

	own_chain(b, chain);
	if (iptables((const char *[]){"-t", "nat", "-F", chain, NULL}, err) < 0)
		return -1;
	if (!b->inside_port || !b->host_port)
		return 0;
	snprintf(inside, sizeof(inside), "%d", b->inside_port);
	snprintf(to, sizeof(to), "127.0.0.1:%d", b->host_port);
	if (iptables((const char *[]){"-t", "nat", "-A", chain, "-d", COMPUTE_CREDENTIALS_ADDRESS,
			     "-p", "tcp", "--dport", "80", "-j", "DNAT", "--to-destination", to,
			     NULL},
		    err) < 0)
		return -1;
	return iptables((const char *[]){"-t", "nat", "-A", chain, "-p", "tcp", "--dport", inside,
				"-j", "DNAT", "--to-destination", to, NULL},
		err);
}

static int firewall_open(const struct compute_bridge *b, struct err *err)
{
	char chain[32];

	own_chain(b, chain);
	iptables((const char *[]){"-t", "nat", "-N", chain, NULL}, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rule_do(&rules[i], b, "-C", NULL) < 0 && rule_do(&rules[i], b, "-A", err) < 0)
			return -1;
	return redirect_set(b, err);
}

static void firewall_close(const struct compute_bridge *b)
{
	char chain[32];

	own_chain(b, chain);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		while (rule_do(&rules[i], b, "-D", NULL) == 0)
			;
	iptables((const char *[]){"-t", "nat", "-F", chain, NULL}, NULL);
	iptables((const char *[]){"-t", "nat", "-X", chain, NULL}, NULL);
}

/* ---- bridge ---- */

static bool bridge_exists(const struct compute_bridge *b)
{
	char *path CLEANUP(freep) = xasprintf("/sys/class/net/%s", b->bridge);

	return file_exists(path);
}

static bool bridge_used(const struct compute_bridge *b)
{
	char *path CLEANUP(freep) = xasprintf("/sys/class/net/%s/brif", b->bridge);
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool used = false;

	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		used |= entry->d_name[0] != '.';
	closedir(dir);
	return used;
}

static int kernel_switch(const char *path, struct err *err)
{
	FILE *f = fopen(path, "we");
	int failed;

	if (!f)
		return err_errno(err, errno, "%s", path);
	failed = fputs("1\n", f) < 0;
	failed |= fclose(f) != 0;
	return failed ? err_errno(err, errno, "%s", path) : 0;
}

/* Runs ip(8) on lines of commands. */
static int ip_batch(const struct str *lines, struct err *err)
{
	const char *argv[] = {"ip", "-batch", "-", NULL};
	struct spawn_result result CLEANUP_SPAWN_RESULT = {0};
	struct spawn spawn = SPAWN_INIT;

	spawn.argv = argv;
	if (spawn_run(&spawn, str_view(lines), 64 * KIB, 20 * USEC_PER_SEC, &result, err) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	return err_set(err, ERR_IO, "setting a network up: ip: %.500s", str_text(&result.errout));
}

static int bridge_make(const struct compute_bridge *b, struct err *err)
{
	char *local CLEANUP(freep) =
		xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", b->bridge);
	struct str lines CLEANUP_STR = STR_INIT;

	if (bridge_exists(b))
		return 0;
	str_addf(&lines, "link add %s type bridge\naddr add %s/24 dev %s\nlink set %s up\n",
		b->bridge, b->gateway, b->bridge, b->bridge);
	if (ip_batch(&lines, err) < 0 || kernel_switch("/proc/sys/net/ipv4/ip_forward", err) < 0 ||
		kernel_switch(local, err) < 0)
		return -1;
	return firewall_open(b, err);
}

static void bridge_remove(const struct compute_bridge *b)
{
	struct str lines CLEANUP_STR = STR_INIT;

	firewall_close(b);
	str_addf(&lines, "link del %s\n", b->bridge);
	ip_batch(&lines, NULL);
}

/* ---- roots ---- */

/* Interface names are short: a hash of the id. */
static void interface_name(const char *id, char name[16])
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	snprintf(name, 16, "tp%012llx", (unsigned long long)(h & UINT64_C(0xffffffffffff)));
}

static int connect_locked(
	const char *id, const struct compute_bridge *b, int netns, struct err *err)
{
	char name[16];

	interface_name(id, name);
	if (bridge_make(b, err) < 0 || oci_link_pair(name, b->bridge, netns, err) < 0)
		return -1;
	return oci_link_configure(netns, b->address, b->gateway, err);
}

static int join_locked(const char *id, const struct compute_bridge *b, pid_t pid, struct err *err)
{
	char *net CLEANUP(freep) = xasprintf("/proc/%d/ns/net", (int)pid);
	int netns CLEANUP_FD = open(net, O_RDONLY | O_CLOEXEC);

	if (netns < 0)
		return err_errno(err, errno, "%s", net);
	return connect_locked(id, b, netns, err);
}

int oci_network_join(const char *id, const struct compute_bridge *b, pid_t pid, struct err *err)
{
	int r;

	pthread_mutex_lock(&network_lock);
	r = join_locked(id, b, pid, err);
	if (r < 0 && bridge_exists(b) && !bridge_used(b))
		bridge_remove(b);
	pthread_mutex_unlock(&network_lock);
	return r;
}

static int unmake_locked(
	const char *id, const struct compute_bridge *b, const char *netns, struct err *err)
{
	char name[16];
	int r;

	/* The pair goes at once; with its namespace alone it would go some time later. */
	interface_name(id, name);
	r = oci_link_remove(name, err);
	if (r == 0)
		r = oci_netns_remove(netns, err);
	if (b && bridge_exists(b) && !bridge_used(b))
		bridge_remove(b);
	return r;
}

int oci_network_make(
	const char *id, const struct compute_bridge *b, const char *netns, struct err *err)
{
	int fd CLEANUP_FD = -1;
	int r;

	pthread_mutex_lock(&network_lock);
	r = unmake_locked(id, NULL, netns, err); /* of a try that was broken off */
	if (r == 0)
		r = oci_netns_make(netns, &fd, err);
	if (r == 0)
		r = b ? connect_locked(id, b, fd, err) : oci_link_loopback(fd, err);
	if (r < 0)
		unmake_locked(id, b, netns, NULL);
	pthread_mutex_unlock(&network_lock);
	return r;
}

int oci_network_unmake(
	const char *id, const struct compute_bridge *b, const char *netns, struct err *err)
{
	int r;

	pthread_mutex_lock(&network_lock);
	r = unmake_locked(id, b, netns, err);
	pthread_mutex_unlock(&network_lock);
	return r;
}

int oci_network_leave(const struct compute_bridge *b, struct err *err)
{
	(void)err;
	pthread_mutex_lock(&network_lock);
	if (bridge_exists(b) && !bridge_used(b))
		bridge_remove(b);
	pthread_mutex_unlock(&network_lock);
	return 0;
}

int oci_network_redirect(
	const struct compute_driver *d UNUSED, const struct compute_bridge *b, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&network_lock);
	if (bridge_exists(b))
		r = firewall_open(b, err);
	pthread_mutex_unlock(&network_lock);
	return r;
}
