/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration of the host agent. */
#include "agent/config.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "codec/yaml.h"

void agent_config_release(struct agent_config *c)
{
	free(c->endpoint);
	free(c->ca_bundle);
	free(c->s3_endpoint);
	free(c->host_id);
	free(c->region);
	free(c->root_dir);
	free(c->access_key_id);
	free(c->secret);
	free(c->token);
	free(c->credentials_file);
	*c = (struct agent_config){0};
}

/* The first of these that is not empty, copied; NULL when none is. */
static char *first_of(const char *a, const char *b, const char *c)
{
	const char *all[] = {a, b, c};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] && *all[i])
			return xstrdup(all[i]);
	return NULL;
}

/* ---- YAML files with symbols as keys (":root_dir:") or plain ones ---- */

static int open_yaml(
	const char *path, bool required, struct arena *a, struct yaml_document *d, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	*d = (struct yaml_document){0};
	if (!required && !file_exists(path))
		return 0;
	if (file_read(path, LIMIT_YAML_FILE, &text, err) < 0)
		return -1;
	return yaml_parse(path, str_view(&text), a, d, err);
}

static const char *get(const struct yaml_document *d, const char *key)
{
	struct str symbol CLEANUP_STR = STR_INIT;
	const struct yaml_node *n;

	str_addf(&symbol, ":%s", key);
	n = yaml_get(d->root, str_text(&symbol));
	if (!n)
		n = yaml_get(d->root, key);
	return n && n->kind == YAML_SCALAR && !yaml_is_null(n) ? n->text : NULL;
}

static int get_int(const struct yaml_document *d, const char *key, int dflt, int min, int *ret,
	struct err *err)
{
	const char *text = get(d, key);
	char *end;
	long value;

	*ret = dflt;
	if (!text)
		return 0;
	value = strtol(text, &end, 10);
	if (*end || value < min || value > INT32_MAX)
		return yaml_fail(d, d->root, err, "'%s' must be a number of at least %d, not %s",
			key, min, text);
	*ret = (int)value;
	return 0;
}

static bool get_bool(const struct yaml_document *d, const char *key, bool dflt)
{
	const char *text = get(d, key);

	return text ? streq(text, "true") : dflt;
}

/* ---- credentials ---- */

static char *ini_value(struct view text, const char *key)
{
	while (text.p) {
		struct view line = view_trim(view_cut(&text, '\n'));
		struct view name = view_trim(view_cut(&line, '='));

		if (line.p && view_eq_str(name, key)) {
			line = view_trim(line);
			return xstrndup(line.p, line.len);
		}
	}
	return NULL;
}

int agent_config_refresh(struct agent_config *c, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct view v;

	if (!c->credentials_file)
		return 0;
	if (file_read(c->credentials_file, LIMIT_YAML_FILE, &text, err) < 0)
		return -1;
	v = str_view(&text);
	free(c->access_key_id);
	free(c->secret);
	free(c->token);
	c->access_key_id = ini_value(v, "aws_access_key_id");
	c->secret = ini_value(v, "aws_secret_access_key");
	c->token = ini_value(v, "aws_session_token");
	if (!c->access_key_id || !c->secret)
		return err_set(err, ERR_INVALID,
			"%s has no aws_access_key_id and aws_secret_access_key",
			c->credentials_file);
	return 0;
}

static int check_on_premises(
	const struct yaml_document *d, const char *user, const char *session, struct err *err)
{
	static const char *const user_keys[] = {
		"region", "aws_access_key_id", "aws_secret_access_key", NULL};
	static const char *const session_keys[] = {"region", "aws_credentials_file", NULL};
	const char *const *keys = user ? user_keys : session_keys;

	if (user && session)
		return yaml_fail(d, d->root, err,
			"'iam_user_arn' and 'iam_session_arn' cannot both be provided");
	for (; *keys; keys++)
		if (!get(d, *keys))
			return yaml_fail(d, d->root, err,
				"'%s' key is required when '%s' is provided.", *keys,
				user ? "iam_user_arn" : "iam_session_arn");
	return 0;
}

static int read_on_premises(
	struct agent_config *c, const char *path, bool required, struct arena *a, struct err *err)
{
	struct yaml_document d;
	const char *user, *session;

	if (open_yaml(path, required, a, &d, err) < 0)
		return -1;
	if (!d.root)
		return 0;
	user = get(&d, "iam_user_arn");
	session = get(&d, "iam_session_arn");
	if (!user && !session)
		return 0;
	if (check_on_premises(&d, user, session, err) < 0)
		return -1;
	if (!c->host_id)
		c->host_id = xstrdup(user ? user : session);
	if (!c->region)
		c->region = xstrdup(get(&d, "region"));
	if (c->access_key_id)
		return 0;
	if (session) {
		c->credentials_file = xstrdup(get(&d, "aws_credentials_file"));
		return agent_config_refresh(c, err);
	}
	c->access_key_id = xstrdup(get(&d, "aws_access_key_id"));
	c->secret = xstrdup(get(&d, "aws_secret_access_key"));
	return 0;
}

/* ---- all together ---- */

static void take_environment(struct agent_config *c, const struct agent_flags *f)
{
	const char *instance = getenv("TOWPATH_INSTANCE_ID");

	c->host_id = first_of(f->host_id, getenv("AWS_HOST_IDENTIFIER"), instance);
	c->ca_bundle = first_of(f->ca_bundle, getenv("AWS_CA_BUNDLE"), NULL);
	c->region = first_of(f->region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"));
	c->access_key_id = first_of(getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_ACCESS_KEY"), NULL);
	c->secret = first_of(getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SECRET_KEY"), NULL);
	c->token = first_of(getenv("AWS_SESSION_TOKEN"), NULL, NULL);
}

static int read_file(struct agent_config *c, const struct agent_flags *f,
	const struct yaml_document *d, struct err *err)
{
	const char *common = getenv("AWS_ENDPOINT_URL");

	c->endpoint = first_of(f->endpoint, get(d, "deploy_control_endpoint"), common);
	c->s3_endpoint = first_of(
		f->s3_endpoint, get(d, "s3_endpoint_override"), getenv("AWS_ENDPOINT_URL_S3"));
	if (!c->s3_endpoint)
		c->s3_endpoint = first_of(f->endpoint, common, c->endpoint);
	c->root_dir = first_of(f->root_dir, get(d, "root_dir"), AGENT_ROOT_DIR);
	c->secure = get_bool(d, "enable_auth_policy", false);
	c->log_all = get_bool(d, "enable_deployments_log", true);
	if (get_int(d, "wait_between_runs", 1, 0, &c->wait_between_runs_sec, err) < 0)
		return -1;
	return get_int(d, "max_revisions", 5, 1, &c->max_revisions, err);
}

static int check_complete(const struct agent_config *c, struct err *err)
{
	const struct {
		const char *value, *what, *where;
	} needs[] = {
		{c->endpoint, "the server's address",
			"--endpoint, AWS_ENDPOINT_URL, or :deploy_control_endpoint: in the file"},
		{c->host_id, "the host's identity",
			"--host-id, TOWPATH_INSTANCE_ID, or the on-premises file"},
		{c->access_key_id, "an access key",
			"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the on-premises file"},
		{c->secret, "a secret access key",
			"AWS_SECRET_ACCESS_KEY, or the on-premises file"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (!needs[i].value)
			return err_set(err, ERR_INVALID,
				"the agent does not know %s: give it by %s", needs[i].what,
				needs[i].where);
	return 0;
}

static void strip_slash(char *url)
{
	size_t n = url ? strlen(url) : 0;

	while (n && url[n - 1] == '/')
		url[--n] = '\0';
}

int agent_config_load(const struct agent_flags *f, struct agent_config *ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *path = f->config_file ? f->config_file : AGENT_CONFIG_FILE;
	const char *on_premises;
	struct yaml_document d;

	*ret = (struct agent_config){0};
	take_environment(ret, f);
	if (open_yaml(path, f->config_file != NULL, &a, &d, err) < 0 ||
		read_file(ret, f, &d, err) < 0)
		return -1;
	on_premises = get(&d, "on_premises_config_file");
	if (read_on_premises(ret, on_premises ? on_premises : AGENT_ON_PREMISES_FILE,
		    on_premises != NULL, &a, err) < 0)
		return -1;
	if (!ret->region)
		ret->region = xstrdup("us-east-1");
	strip_slash(ret->endpoint);
	strip_slash(ret->s3_endpoint);
	return check_complete(ret, err);
}
