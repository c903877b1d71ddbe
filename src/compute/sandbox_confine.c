/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes of a root may not do: capabilities, system calls, signals and abstract
 * sockets across its border. User 0 stays user 0, so that package managers work; what makes user
 * 0 powerful over the machine is taken away. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "compute/sandbox.h"

/* What `apt-get install`, su, chroot and a web server on port 80 need. */
static const unsigned kept_capabilities[] = {
	CAP_CHOWN,
	CAP_DAC_OVERRIDE,
	CAP_FOWNER,
	CAP_FSETID,
	CAP_KILL,
	CAP_SETGID,
	CAP_SETUID,
	CAP_SETPCAP,
	CAP_SETFCAP,
	CAP_NET_BIND_SERVICE,
	CAP_SYS_CHROOT,
	CAP_AUDIT_WRITE,
};

/* Refused with EPERM: they reach beyond the root, or have a record of kernel holes and no use in
 * a build. Most need a capability that is gone anyway; two walls are better than one. */
static const int refused_calls[] = {
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(bpf),
	SCMP_SYS(mbind),
	SCMP_SYS(migrate_pages),
	SCMP_SYS(move_pages),
	SCMP_SYS(reboot),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(quotactl_fd),
	SCMP_SYS(syslog),
	SCMP_SYS(settimeofday),
	SCMP_SYS(stime),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(lookup_dcookie),
	SCMP_SYS(vhangup),
	SCMP_SYS(nfsservctl),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(vm86),
	SCMP_SYS(vm86old),
	SCMP_SYS(modify_ldt),
};

/* Refused unless the root is privileged: what a container engine does with its own namespaces. */
static const int engine_calls[] = {
	SCMP_SYS(mount),
	SCMP_SYS(umount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(setns),
	SCMP_SYS(name_to_handle_at),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
};

/* Programs have another way when these do not exist: io_uring would pass by the filter. */
static const int absent_calls[] = {
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
};

#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
		CLONE_NEWCGROUP)

/* A compiled filter; [1] is that of privileged roots. */
struct filter {
	struct sock_filter *code;
	unsigned short length;
};

static struct filter filters[2];

static int add_namespace_rules(scmp_filter_ctx ctx)
{
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(engine_calls); i++)
		bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), engine_calls[i], 0);
	/* It hides its flags from the filter; programs have another way. */
	bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	/* One rule a flag: a masked comparison can only ask for all bits or none. */
	for (unsigned bit = 1U << 7; bit && bit <= (unsigned)CLONE_NEWNET; bit <<= 1) {
		if (!((unsigned)NEW_NAMESPACES & bit))
			continue;
		bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
		bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
	}
	return bad;
}

static int add_rules(scmp_filter_ctx ctx, bool privileged)
{
	int bad = privileged ? 0 : add_namespace_rules(ctx);

	for (size_t i = 0; i < ARRAY_SIZE(refused_calls); i++)
		bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused_calls[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(absent_calls); i++)
		bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), absent_calls[i], 0);
	/* Typing into a terminal that is not one's own. */
	bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
		SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, 0x5412 /* TIOCSTI */));
	/* Sockets of families that reach into the kernel or past the file tree. */
	bad |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
		SCMP_A0(SCMP_CMP_EQ, 40 /* AF_VSOCK */));
	return bad;
}

static int compile(bool privileged, struct filter *ret, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int fd CLEANUP_FD = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	int bad;

	if (!ctx || fd < 0) {
		seccomp_release(ctx);
		return err_set(err, ERR_INTERNAL, "cannot make a system call filter");
	}
#ifdef __x86_64__
	seccomp_arch_add(ctx, SCMP_ARCH_X86);
#endif
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	bad = add_rules(ctx, privileged) || seccomp_export_bpf(ctx, fd) || fstat(fd, &st) < 0;
	seccomp_release(ctx);
	if (bad)
		return err_set(err, ERR_INTERNAL, "cannot make a system call filter");
	ret->code = xmalloc((size_t)st.st_size);
	ret->length = (unsigned short)((size_t)st.st_size / sizeof(*ret->code));
	if (pread(fd, ret->code, (size_t)st.st_size, 0) != st.st_size) {
		freep(&ret->code);
		return err_set(err, ERR_INTERNAL, "cannot read back the system call filter");
	}
	return 0;
}

int sandbox_confine_prepare(bool privileged, struct err *err)
{
	struct filter *f = &filters[privileged];

	return f->code ? 0 : compile(privileged, f, err);
}

int compute_sandbox_prepare(struct err *err)
{
	return sandbox_confine_prepare(false, err) < 0 ? -1 : sandbox_confine_prepare(true, err);
}

static int load_filter(bool privileged, struct sandbox_report *report)
{
	struct sock_fprog program = {filters[privileged].length, filters[privileged].code};

	/* With CAP_SYS_ADMIN, which is still there: no need for no_new_privs, so su works. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return sandbox_report_errno(report, "cannot set the system call filter");
	return 0;
}

static bool is_kept(unsigned capability)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept_capabilities); i++)
		if (kept_capabilities[i] == capability)
			return true;
	return false;
}

static int drop_capabilities(struct sandbox_report *report)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};

	for (unsigned c = 0; c < 64; c++) {
		if (is_kept(c)) {
			data[c / 32].permitted |= 1U << (c % 32);
			continue;
		}
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL)
			return sandbox_report_errno(report, "cannot drop capability %u", c);
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		data[i].effective = data[i].permitted;
	if (syscall(SYS_capset, &header, data) < 0)
		return sandbox_report_errno(report, "cannot drop capabilities");
	return 0;
}

/* The host's network view includes its abstract sockets, which no file mode guards. Kernels
 * before 6.12 cannot keep them away. */
static void scope_sockets(void)
{
	struct {
		uint64_t fs, net, scoped;
	} rules = {
		0, 0, 1 /* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET */ | 2 /* LANDLOCK_SCOPE_SIGNAL */};
	int fd = (int)syscall(444 /* landlock_create_ruleset */, &rules, sizeof(rules), 0);

	if (fd < 0)
		return;
	syscall(446 /* landlock_restrict_self */, fd, 0);
	close(fd);
}

int sandbox_confine(const struct sandbox_plan *plan, struct sandbox_report *report)
{
	bool privileged = plan->spec->privileged;

	/* The capabilities of a privileged root reach no further than its user namespace, its
	 * abstract sockets no further than its network. */
	if (!privileged)
		scope_sockets();
	if (load_filter(privileged, report) < 0 || (!privileged && drop_capabilities(report) < 0))
		return -1;
	/* Nobody in the root may look into process 1. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}
