/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the host agent: flags, environment, the agent's file (the stock agent's keys)
 * and the on-premises file. */
#ifndef TOWPATH_AGENT_CONFIG_H
#define TOWPATH_AGENT_CONFIG_H

#include "base/err.h"

#define AGENT_CONFIG_FILE "/etc/codedeploy-agent/conf/codedeployagent.yml"
#define AGENT_ON_PREMISES_FILE "/etc/codedeploy-agent/conf/codedeploy.onpremises.yml"
#define AGENT_ROOT_DIR "/opt/codedeploy-agent/deployment-root"

/* What the command line says; NULL where it says nothing. */
struct agent_flags {
	const char *config_file, *endpoint, *s3_endpoint, *host_id, *root_dir, *region;
	const char *ca_bundle;
};

struct agent_config {
	char *endpoint;	   /* of the command service */
	char *s3_endpoint; /* path-style */
	char *host_id, *region, *root_dir;
	char *ca_bundle; /* PEM file that says which servers to believe; NULL: the machine's */
	char *access_key_id, *secret, *token; /* token may be NULL */
	char *credentials_file;		      /* read again from time to time, or NULL */
	int wait_between_runs_sec;
	int max_revisions;
	bool secure;  /* enable_auth_policy: the other signing name and target prefix */
	bool log_all; /* enable_deployments_log */
};

/* Order: flags, environment (TOWPATH_INSTANCE_ID, AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID,
 * ...), files. ERR_INVALID says what is missing and where it can be given. Release also after an
 * error. */
int agent_config_load(const struct agent_flags *flags, struct agent_config *ret, struct err *err);
/* Reads the credentials file again; nothing without one. */
int agent_config_refresh(struct agent_config *c, struct err *err);
void agent_config_release(struct agent_config *c);

#endif
