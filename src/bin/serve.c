/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath serve`: the server in the foreground, until SIGTERM or SIGINT. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/cidr.h"
#include "base/limits.h"
#include "base/log.h"
#include "bin/command.h"
#include "bin/server.h"
#include "bin/supervisor.h"
#include "compute/compute.h"
#include "net/mail.h"

static const struct option_spec options[] = {
	{"account", 0, "ID", "TOWPATH_ACCOUNT_ID",
		"account id, 12 digits (made at the first start)"},
	{"address", 0, "ADDRESS", "TOWPATH_ADDRESS", "address to listen on (127.0.0.1)"},
	{"balancer-address", 0, "ADDRESS", "TOWPATH_BALANCER_ADDRESS",
		"where internet-facing load balancers listen (that of --address)"},
	{"clock-rate", 0, "N", NULL, "run the clock N times as fast (1)"},
	{"clone-limit", 0, "SIZE", "TOWPATH_CLONE_LIMIT",
		"disk that one clone for a build or pipeline may take: 500M, 64G (64G)"},
	{"compute", 0, "DRIVER", "TOWPATH_COMPUTE",
		"what runs tasks: oci, docker[=unix:///PATH], swarm[=unix:///PATH] (oci)"},
	{"cors-origin", 0, "ORIGIN[,ORIGIN]", "TOWPATH_CORS_ORIGIN",
		"pages of these origins may call the API, *: all (none)"},
	{"db", 0, "URL", "TOWPATH_DB",
		"where state is kept: postgres://... (SQLite in the data folder)"},
	{"fargate-runtime", 0, "PROGRAM", "TOWPATH_FARGATE_RUNTIME",
		"OCI runtime of tasks of launch type FARGATE (that of --oci-runtime)"},
	{"host", 0, "NAME", "TOWPATH_HOST",
		"name by which clients know the server; buckets are found at BUCKET.NAME"},
	{"internal-balancer-address", 0, "ADDRESS", "TOWPATH_INTERNAL_BALANCER_ADDRESS",
		"where internal load balancers listen (127.0.0.1)"},
	{"key-file", 0, "FILE", "TOWPATH_KEY_FILE",
		"key that seals secrets in the database (DATA/keys/seal.key)"},
	{"local-port", 0, "PORT", "TOWPATH_LOCAL_PORT",
		"with TLS: the loopback's port for what runs on this machine (one that stays)"},
	{"mail-from", 0, "ADDRESS", "TOWPATH_MAIL_FROM",
		"sender of notifications by mail (towpath@localhost)"},
	{"oci-runtime", 0, "PROGRAM", "TOWPATH_TASK_RUNTIME",
		"OCI runtime of containers: runc, runsc, kata-runtime (runc)"},
	{"port", 'p', "PORT", "TOWPATH_PORT", "port to listen on, 0: any (8080)"},
	{"public-url", 0, "URL", "TOWPATH_PUBLIC_URL",
		"where clients reach the server, for links: https://ci.example.com (its own "
		"address)"},
	{"region", 0, "NAME", "TOWPATH_REGION", "region's name (us-east-1)"},
	{"registry-host", 0, "HOST[:PORT]", "TOWPATH_REGISTRY_HOST",
		"what images are named by (as the client addressed the server)"},
	{"root-key-id", 0, "ID", "TOWPATH_ROOT_KEY_ID",
		"root's access key (made at the first start)"},
	{"root-key-secret", 0, "SECRET", "TOWPATH_ROOT_KEY_SECRET", "root's secret key"},
	{"slots", 0, "N", "TOWPATH_SLOTS", "builds at one time (the number of processors)"},
	{"smtp", 0, "HOST[:PORT]", "TOWPATH_SMTP",
		"mail server that takes notifications by mail (none)"},
	{"ssh", 0, "PORT", "TOWPATH_SSH", "port for git over SSH, 0: any (none)"},
	{"throttle", 0, "RULES", "TOWPATH_THROTTLE",
		"most requests a second: default=50,codebuild=20,codebuild.StartBuild=2:5 (none)"},
	{"tls", 0, NULL, NULL, "speak TLS, with a certificate that is made if none is named"},
	{"tls-cert", 0, "FILE", "TOWPATH_TLS_CERT", "speak TLS with this certificate (PEM)"},
	{"tls-key", 0, "FILE", "TOWPATH_TLS_KEY", "its private key (PEM)"},
	{"tls-name", 0, "NAME[,NAME]", "TOWPATH_TLS_NAME",
		"further names of a certificate that is made"},
	{"trusted-proxy", 0, "CIDR[,CIDR]", "TOWPATH_TRUSTED_PROXY",
		"proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (none)"},
	{NULL, 0, NULL, NULL, NULL},
};

static int read_mail(const struct options *o, struct server_config *c, struct err *err)
{
	const char *from = option_text(o, "mail-from");

	c->mail_server = option_text(o, "smtp");
	c->mail_from = from ? from : "towpath@localhost";
	if (!mail_address_ok(c->mail_from))
		return err_set(err, ERR_INVALID, "--mail-from '%s' is no address", c->mail_from);
	return c->mail_server ? mail_check_server(c->mail_server, err) : 0;
}

/* Whether there is such a way to run tasks, before anything is made; whether its engine answers is
 * found out later. */
static int read_compute(const struct options *o, struct server_config *c, struct err *err)
{
	struct compute_driver *engine CLEANUP(compute_engine_freep) = NULL;

	c->compute = option_text(o, "compute");
	if (!c->compute || streq(c->compute, "oci"))
		return 0;
	return compute_engine_new(c->compute, &engine, err);
}

static int read_address(const struct options *o, const char *name, const char *otherwise,
	const char **ret, struct err *err)
{
	struct cidr address;

	*ret = option_text(o, name) ? option_text(o, name) : otherwise;
	if (cidr_parse(view_of(*ret), &address) && !address.ranged)
		return 0;
	return err_set(err, ERR_INVALID, "--%s '%s' is no IP address", name, *ret);
}

/* Scheme, host and port: links are made by writing paths behind it. */
static int check_public_url(const char *url, struct err *err)
{
	const char *host = url ? strstr(url, "://") : NULL;

	if (!url || ((starts_with(url, "http://") || starts_with(url, "https://")) && host[3] &&
			    !strpbrk(host + 3, "/?#@ ")))
		return 0;
	err_set(err, ERR_INVALID, "--public-url '%s' is not scheme, host and port", url);
	return err_hint(err, "as https://ci.example.com, without a path");
}

static int read_config(const struct options *o, struct server_config *c, struct err *err)
{
	int64_t port, local_port, slots, rate, ssh;
	uint64_t clone_max;

	if (option_int(o, "port", 0, 65535, 8080, &port, err) < 0 ||
		option_int(o, "local-port", 0, 65535, 0, &local_port, err) < 0 ||
		option_int(o, "ssh", 0, 65535, -1, &ssh, err) < 0 ||
		option_int(o, "slots", 1, 1000, 0, &slots, err) < 0 ||
		option_int(o, "clock-rate", 1, 100000, 1, &rate, err) < 0 ||
		option_size(o, "clone-limit", LIMIT_CLONE_BYTES, &clone_max, err) < 0)
		return -1;
	*c = (struct server_config){
		.account = option_text(o, "account"),
		.clock_rate = (double)rate,
		.clone_max = clone_max,
		.cors_origins = option_text(o, "cors-origin"),
		.db_url = option_text(o, "db"),
		.fargate_runtime = option_text(o, "fargate-runtime"),
		.host = option_text(o, "host"),
		.key_file = option_text(o, "key-file"),
		.oci_runtime = option_text(o, "oci-runtime"),
		.port = (int)port,
		.public_url = option_text(o, "public-url"),
		.region = option_text(o, "region"),
		.registry_host = option_text(o, "registry-host"),
		.root_key_id = option_text(o, "root-key-id"),
		.root_key_secret = option_text(o, "root-key-secret"),
		.slots = (int)slots,
		.ssh_port = (int)ssh,
		.local_port = (int)local_port,
		.throttle = option_text(o, "throttle"),
		.tls = option_flag(o, "tls"),
		.tls_cert = option_text(o, "tls-cert"),
		.tls_key = option_text(o, "tls-key"),
		.tls_names = option_text(o, "tls-name"),
		.trusted_proxies = option_text(o, "trusted-proxy"),
	};
	if (c->host && (!*c->host || c->host[strcspn(c->host, ":/@ ")]))
		return err_set(err, ERR_INVALID, "--host '%s' is no name of a host", c->host);
	if (check_public_url(c->public_url, err) < 0 ||
		read_address(o, "address", "127.0.0.1", &c->address, err) < 0 ||
		read_address(o, "balancer-address", c->address, &c->balancer_address, err) < 0 ||
		read_address(o, "internal-balancer-address", "127.0.0.1",
			&c->internal_balancer_address, err) < 0)
		return -1;
	return read_compute(o, c, err) < 0 ? -1 : read_mail(o, c, err);
}

/* Signals are taken by sigwait() in this thread alone; all others inherit the mask. */
static sigset_t block_signals(bool tls)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (tls)
		sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return set;
}

static void renew_certificate(struct server *server)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	bool changed;

	if (server_renew_certificate(server, &changed, &err) < 0)
		log_error("serve", "the certificate stays as it is: %s", err_message(&err));
	else if (changed)
		log_info("serve", "new TLS certificate, SHA-256 fingerprint: %s",
			server_fingerprint(server));
}

/* Until SIGTERM or SIGINT; each hour, and at SIGHUP, the certificate's files are looked at. */
static int await_end(struct server *server, const sigset_t *set)
{
	const struct timespec hour = {.tv_sec = 3600};
	int sig;

	for (;;) {
		sig = server_fingerprint(server) ? sigtimedwait(set, NULL, &hour)
						 : sigwaitinfo(set, NULL);
		if (sig == SIGTERM || sig == SIGINT)
			return sig;
		if (sig == SIGHUP || (sig < 0 && errno == EAGAIN))
			renew_certificate(server);
	}
}

static int run(const struct options *o, struct err *err)
{
	char *data CLEANUP(freep) = option_data_dir(o);
	char *supervisor CLEANUP(freep) = supervisor_take();
	struct server *server CLEANUP(server_freep) = NULL;
	struct server_config config;
	sigset_t set;
	int sig;

	if (read_config(o, &config, err) < 0)
		return -1;
	config.data_dir = data;
	set = block_signals(config.tls || config.tls_cert || config.tls_key);
	if (server_start(&config, &server, err) < 0)
		return -1;
	log_info("serve", "ready at %s, data in %s", server_endpoint(server), data);
	if (config.clock_rate > 1)
		log_info("serve",
			"the clock runs %.0f times as fast as true time: every wait is so "
			"much shorter",
			config.clock_rate);
	if (server_fingerprint(server))
		log_info("serve", "TLS certificate's SHA-256 fingerprint: %s",
			server_fingerprint(server));
	supervisor_tell(supervisor, "READY=1");
	sig = await_end(server, &set);
	supervisor_tell(supervisor, "STOPPING=1");
	log_info("serve", "ending (%s)", sig == SIGTERM ? "SIGTERM" : "SIGINT");
	return EXIT_OK;
}

const struct command command_serve = {
	.name = "serve",
	.summary = "run the server",
	.details = "All state is kept in the data folder. The server may be killed at any moment:\n"
		   "started again on the same folder it goes on where it was.",
	.options = options,
	.run = run,
};
