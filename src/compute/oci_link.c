/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces and network namespaces of oci roots, by rtnetlink(7): what each task needs, without
 * starting a program. A socket stays in the namespace that it was made in, so that a thread visits
 * another one only to open it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "compute/oci_internal.h"

#define NETNS_DIR "/run/netns"
#define OWN_NETNS "/proc/thread-self/ns/net"
#define LOOPBACK 1 /* its number in every namespace */

/* ---- requests ---- */

struct request {
	struct nlmsghdr h;
	char body[1024];
};

static void *add_room(struct request *r, size_t n)
{
	void *at = (char *)r + NLMSG_ALIGN(r->h.nlmsg_len);

	BUG_ON(NLMSG_ALIGN(r->h.nlmsg_len) + n > sizeof(*r));
	r->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->h.nlmsg_len) + n);
	return at;
}

static void start(struct request *r, uint16_t type, uint16_t flags, const void *head, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->h.nlmsg_len = NLMSG_HDRLEN;
	r->h.nlmsg_type = type;
	r->h.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	memcpy(add_room(r, n), head, n);
}

static struct rtattr *add(struct request *r, uint16_t type, const void *value, size_t n)
{
	struct rtattr *a = add_room(r, RTA_LENGTH(n));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(n);
	if (n)
		memcpy(RTA_DATA(a), value, n);
	return a;
}

static void add_text(struct request *r, uint16_t type, const char *text)
{
	add(r, type, text, strlen(text) + 1);
}

/* Attributes that follow are inside until end_nest(). */
static struct rtattr *begin_nest(struct request *r, uint16_t type)
{
	return add(r, type, NULL, 0);
}

static void end_nest(struct request *r, struct rtattr *nest)
{
	nest->rta_len = (uint16_t)((char *)r + r->h.nlmsg_len - (char *)nest);
}

/* The kernel answers each request at once; its number of the error, 0 for none. */
static int ask(int fd, const struct request *r)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char request[sizeof(struct request)];
	} answer;
	ssize_t n;

	if (send(fd, r, r->h.nlmsg_len, 0) < 0)
		return errno;
	do
		n = recv(fd, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(answer.e)) || answer.h.nlmsg_type != NLMSG_ERROR)
		return EPROTO;
	return -answer.e.error;
}

static int ask_for(int fd, const struct request *r, const char *what, struct err *err)
{
	int bad = ask(fd, r);

	return bad ? err_errno(err, bad, "setting a network up: %s", what) : 0;
}

static int open_socket(int *ret, struct err *err)
{
	*ret = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return *ret < 0 ? err_errno(err, errno, "a netlink socket") : 0;
}

/* ---- namespaces ---- */

/* A thread that stayed in a wrong namespace would do all its further work there. */
static void come_back(int home)
{
	if (setns(home, CLONE_NEWNET) < 0)
		BUG("cannot return to the host's network: error %d", errno);
}

static int open_home(int *ret, struct err *err)
{
	*ret = open(OWN_NETNS, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_errno(err, errno, "%s", OWN_NETNS) : 0;
}

/* As ip-netns(8) leaves it: mounts in the folder are seen in all mount namespaces. */
static int share_dir(struct err *err)
{
	if (mkdir(NETNS_DIR, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot make %s", NETNS_DIR);
	if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL || mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) < 0 ||
		mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) < 0)
		return err_errno(err, errno, "cannot share %s", NETNS_DIR);
	return 0;
}

static int keep_namespace(const char *path, int *ret_fd, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0444);

	if (fd < 0)
		return err_errno(err, errno, "cannot make %s", path);
	close(fd);
	if (mount(OWN_NETNS, path, "none", MS_BIND, NULL) < 0) {
		int bad = errno;

		unlink(path);
		return err_errno(err, bad, "cannot keep the namespace %s", path);
	}
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_errno(err, errno, "%s", path) : 0;
}

int oci_netns_make(const char *name, int *ret_fd, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf(NETNS_DIR "/%s", name);
	int home CLEANUP_FD = -1;
	int r;

	if (share_dir(err) < 0 || open_home(&home, err) < 0)
		return -1;
	if (unshare(CLONE_NEWNET) < 0)
		return err_errno(err, errno, "cannot make a network namespace");
	r = keep_namespace(path, ret_fd, err);
	come_back(home);
	return r;
}

int oci_netns_remove(const char *name, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf(NETNS_DIR "/%s", name);

	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
		return err_errno(err, errno, "cannot unmount %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "cannot remove %s", path);
	return 0;
}

/* A socket in the namespace, and the number that eth0 has there (0: there is none). */
static int open_inside(int netns, int *ret, unsigned *ret_eth0, struct err *err)
{
	int home CLEANUP_FD = -1;
	int r;

	if (open_home(&home, err) < 0)
		return -1;
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_errno(err, errno, "cannot enter a network namespace");
	r = open_socket(ret, err);
	*ret_eth0 = if_nametoindex("eth0");
	come_back(home);
	return r;
}

/* ---- interfaces ---- */

int oci_link_pair(const char *name, const char *bridge, int netns, struct err *err)
{
	const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP}, plain = {0};
	unsigned master = if_nametoindex(bridge);
	struct rtattr *info, *data, *peer;
	int fd CLEANUP_FD = -1;
	struct request r;

	if (!master)
		return err_set(err, ERR_NOT_FOUND, "there is no bridge %s", bridge);
	start(&r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &up, sizeof(up));
	add_text(&r, IFLA_IFNAME, name);
	add(&r, IFLA_MASTER, &master, sizeof(master));
	info = begin_nest(&r, IFLA_LINKINFO);
	add_text(&r, IFLA_INFO_KIND, "veth");
	data = begin_nest(&r, IFLA_INFO_DATA);
	peer = begin_nest(&r, VETH_INFO_PEER);
	memcpy(add_room(&r, sizeof(plain)), &plain, sizeof(plain));
	add_text(&r, IFLA_IFNAME, "eth0");
	add(&r, IFLA_NET_NS_FD, &netns, sizeof(netns));
	end_nest(&r, peer);
	end_nest(&r, data);
	end_nest(&r, info);
	if (open_socket(&fd, err) < 0)
		return -1;
	return ask_for(fd, &r, name, err);
}

static int set_up(int fd, unsigned index, struct err *err)
{
	const struct ifinfomsg up = {
		.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct request r;

	start(&r, RTM_NEWLINK, 0, &up, sizeof(up));
	return ask_for(fd, &r, "an interface inside", err);
}

/* "10.88.0.5/24" */
static int parse_address(
	const char *address, struct in_addr *ret, unsigned char *ret_prefix, struct err *err)
{
	char text[INET_ADDRSTRLEN];
	const char *slash = strchr(address, '/');
	int prefix = slash ? atoi(slash + 1) : 32;

	snprintf(text, sizeof(text), "%.*s", (int)(slash ? slash - address : 15), address);
	if (prefix < 1 || prefix > 32 || inet_pton(AF_INET, text, ret) != 1)
		return err_set(err, ERR_INVALID, "'%s' is no address", address);
	*ret_prefix = (unsigned char)prefix;
	return 0;
}

/* The hardware address follows from the other one: who has just had the same address has had the
 * same of these as well, so that what neighbours remember of it holds on. */
static int set_hardware(int fd, unsigned index, struct in_addr ip, struct err *err)
{
	const struct ifinfomsg head = {.ifi_index = (int)index};
	unsigned char hardware[6] = {0x02, 0x54}; /* locally administered */
	struct request r;

	memcpy(hardware + 2, &ip, sizeof(ip));
	start(&r, RTM_NEWLINK, 0, &head, sizeof(head));
	add(&r, IFLA_ADDRESS, hardware, sizeof(hardware));
	return ask_for(fd, &r, "a hardware address", err);
}

static int add_address(int fd, unsigned index, const char *address, struct err *err)
{
	struct ifaddrmsg head = {.ifa_family = AF_INET, .ifa_index = index};
	struct in_addr ip, broadcast;
	struct request r;

	if (parse_address(address, &ip, &head.ifa_prefixlen, err) < 0 ||
		set_hardware(fd, index, ip, err) < 0)
		return -1;
	broadcast.s_addr = ip.s_addr | ~htonl(~0U << (32 - head.ifa_prefixlen));
	start(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	add(&r, IFA_LOCAL, &ip, sizeof(ip));
	add(&r, IFA_ADDRESS, &ip, sizeof(ip));
	add(&r, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	return ask_for(fd, &r, address, err);
}

static int add_route(int fd, const char *gateway, struct err *err)
{
	const struct rtmsg head = {.rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST};
	struct in_addr ip;
	struct request r;

	if (inet_pton(AF_INET, gateway, &ip) != 1)
		return err_set(err, ERR_INVALID, "'%s' is no address", gateway);
	start(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
	add(&r, RTA_GATEWAY, &ip, sizeof(ip));
	return ask_for(fd, &r, "the default route", err);
}

int oci_link_loopback(int netns, struct err *err)
{
	int fd CLEANUP_FD = -1;
	unsigned eth0;

	return open_inside(netns, &fd, &eth0, err) < 0 ? -1 : set_up(fd, LOOPBACK, err);
}

int oci_link_configure(int netns, const char *address, const char *gateway, struct err *err)
{
	int fd CLEANUP_FD = -1;
	unsigned eth0;

	if (open_inside(netns, &fd, &eth0, err) < 0 || set_up(fd, LOOPBACK, err) < 0 ||
		add_address(fd, eth0, address, err) < 0 || set_up(fd, eth0, err) < 0)
		return -1;
	return add_route(fd, gateway, err);
}

int oci_link_remove(const char *name, struct err *err)
{
	const struct ifinfomsg any = {0};
	int fd CLEANUP_FD = -1;
	struct request r;
	int bad;

	if (open_socket(&fd, err) < 0)
		return -1;
	start(&r, RTM_DELLINK, 0, &any, sizeof(any));
	add_text(&r, IFLA_IFNAME, name);
	bad = ask(fd, &r);
	return bad && bad != ENODEV ? err_errno(err, bad, "cannot remove interface %s", name) : 0;
}
