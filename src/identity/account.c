/* SPDX-License-Identifier: Apache-2.0 */
/* The account as a whole: its alias, its sums, the credential report, all that is authorized. */
#include "base/timefmt.h"
#include "identity/engine.h"
#include "identity/quota.h"

#define REPORT_LIFE_USEC (4 * 3600 * USEC_PER_SEC)
#define ALIAS "alias"
#define REPORT "credential-report"

static int setting(struct identity_step *s, struct db_tx *tx, const char *id,
	struct towpath_identity_setting *ret, struct err *err)
{
	return store_document_get(tx, &STORE_IAM_SETTING, id, s->a, ret, err);
}

/* ---- alias ---- */

static int create_account_alias(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_account_alias_request *req = s->req;
	struct towpath_identity_setting alias = {.value = req->account_alias};

	(void)s;
	return store_document_put(tx, &STORE_IAM_SETTING, ALIAS, "", &alias, err);
}

static int delete_account_alias(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_account_alias_request *req = s->req;
	struct towpath_identity_setting alias;
	int r = setting(s, tx, ALIAS, &alias, err);

	if (r < 0)
		return -1;
	if (r == 0 || !streq(alias.value, req->account_alias))
		return err_set_wire(err, "NoSuchEntity", "The account alias %s cannot be found.",
			req->account_alias);
	return store_document_delete(tx, &STORE_IAM_SETTING, ALIAS, err);
}

static int list_account_aliases(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	struct iam_list_account_aliases_response *resp = s->resp;
	struct towpath_identity_setting alias;
	int r = setting(s, tx, ALIAS, &alias, err);

	if (r < 0)
		return -1;
	resp->is_truncated = WIRE_SET_BOOL(false);
	wire_list_alloc(s->a, &resp->account_aliases, (size_t)r);
	if (r > 0)
		resp->account_aliases.v[0] = alias.value;
	return 0;
}

/* ---- sums ---- */

static int get_account_summary(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	static const struct {
		const char *key;
		const struct store_document_kind *kind; /* counted; NULL: a fixed number */
		int number;
	} rows[] = {
		{"Users", &STORE_IAM_USER, 0},
		{"Groups", &STORE_IAM_GROUP, 0},
		{"Roles", &STORE_IAM_ROLE, 0},
		{"Policies", &STORE_IAM_POLICY, 0},
		{"PolicyVersionsInUse", &STORE_IAM_VERSION, 0},
		{"InstanceProfiles", &STORE_IAM_PROFILE, 0},
		{"ServerCertificates", &STORE_IAM_CERTIFICATE, 0},
		{"Providers", &STORE_IAM_PROVIDER, 0},
		{"AccountAccessKeysPresent", NULL, 1},
		{"AccountMFAEnabled", NULL, 0},
		{"MFADevices", NULL, 0},
		{"MFADevicesInUse", NULL, 0},
		{"AccountSigningCertificatesPresent", NULL, 0},
		{"AccessKeysPerUserQuota", NULL, QUOTA_KEYS_OF_USER},
		{"VersionsPerPolicyQuota", NULL, QUOTA_VERSIONS_OF_POLICY},
		{"AttachedPoliciesPerUserQuota", NULL, QUOTA_ATTACHED},
		{"AttachedPoliciesPerRoleQuota", NULL, QUOTA_ATTACHED},
		{"AttachedPoliciesPerGroupQuota", NULL, QUOTA_ATTACHED},
		{"GroupsPerUserQuota", NULL, QUOTA_GROUPS_OF_USER},
		{"PolicySizeQuota", NULL, QUOTA_MANAGED_SIZE},
		{"UserPolicySizeQuota", NULL, QUOTA_USER_SIZE},
		{"GroupPolicySizeQuota", NULL, QUOTA_GROUP_SIZE},
		{"RolePolicySizeQuota", NULL, QUOTA_ROLE_SIZE},
		{"AssumeRolePolicySizeQuota", NULL, QUOTA_TRUST_SIZE},
	};
	struct iam_get_account_summary_response *resp = s->resp;
	size_t n;

	wire_list_alloc(s->a, &resp->summary_map, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		n = (size_t)rows[i].number;
		if (rows[i].kind && identity_count(s, tx, rows[i].kind, NULL, &n, err) < 0)
			return -1;
		resp->summary_map.v[i] = (struct iam_summary_map_type_kv){
			.key = rows[i].key, .value = WIRE_SET_INT(n)};
	}
	return 0;
}

/* ---- credential report ---- */

static const char report_head[] =
	"user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
	"password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
	"access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
	"access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
	"access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
	"cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/* Names may hold commas (RFC 4180). */
static void add_field(struct str *out, const char *before, const char *text)
{
	const char *quote = strchr(text, ',') ? "\"" : "";

	str_addf(out, "%s%s%s%s", before, quote, text, quote);
}

static void add_key(struct str *out, const struct iam_access_key *key,
	const struct iam_access_key_last_used *used)
{
	bool is_used = used && used->last_used_date.set;

	if (!key) {
		str_add(out, ",false,N/A,N/A,N/A,N/A");
		return;
	}
	str_addf(out, ",%s,%s", streq(key->status, "Active") ? "true" : "false",
		timefmt_iso(key->create_date.usec).text);
	if (is_used)
		str_addf(out, ",%s,%s,%s", timefmt_iso(used->last_used_date.usec).text,
			used->region, used->service_name);
	else
		str_add(out, ",N/A,N/A,N/A");
}

static int add_line(struct identity_step *s, struct db_tx *tx, const char *owner,
	const struct iam_user *user, struct str *out, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};
	struct iam_access_key_last_used used;
	struct store_documents keys;
	bool root = streq(owner, "root");
	int r;

	if (store_document_list(tx, &STORE_IAM_KEY, &filter, s->a, &keys, err) < 0)
		return -1;
	add_field(out, "\n", user->user_name);
	add_field(out, ",", user->arn);
	str_addf(out, ",%s,%s,N/A,N/A,N/A,false",
		root ? "not_supported" : timefmt_iso(user->create_date.usec).text,
		root ? "not_supported" : "false");
	for (size_t i = 0; i < 2; i++) {
		const struct iam_access_key *key = i < keys.n ? keys.v[i] : NULL;

		r = key ? store_document_get(tx, &STORE_IAM_USED, keys.ids[i], s->a, &used, err)
			: 0;
		if (r < 0)
			return -1;
		add_key(out, key, r > 0 ? &used : NULL);
	}
	str_add(out, ",false,N/A,false,N/A");
	return 0;
}

static int write_report(struct identity_step *s, struct db_tx *tx, struct str *out, struct err *err)
{
	struct iam_user root = {.user_name = "<root_account>",
		.arn = arena_printf(s->a, "arn:aws:iam::%s:root", s->e->account)};
	struct store_document_filter filter = {0};
	struct store_documents users;

	str_add(out, report_head);
	if (add_line(s, tx, "root", &root, out, err) < 0 ||
		store_document_list(tx, &STORE_IAM_USER, &filter, s->a, &users, err) < 0)
		return -1;
	for (size_t i = 0; i < users.n; i++) {
		if (add_line(s, tx, users.ids[i], users.v[i], out, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_fresh(struct identity_step *s, const struct towpath_identity_setting *report)
{
	return report->created.usec + REPORT_LIFE_USEC > durable_now(s->e->durable);
}

static int generate_credential_report(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	struct iam_generate_credential_report_response *resp = s->resp;
	struct towpath_identity_setting report;
	struct str text CLEANUP_STR = STR_INIT;
	int r = setting(s, tx, REPORT, &report, err);

	if (r < 0)
		return -1;
	resp->state = "COMPLETE";
	if (r > 0 && is_fresh(s, &report))
		return 0;
	resp->state = "STARTED";
	resp->description = "No report exists. Starting a new report generation task";
	if (write_report(s, tx, &text, err) < 0)
		return -1;
	report = (struct towpath_identity_setting){
		.value = str_text(&text), .created = WIRE_SET_TIME(durable_now(s->e->durable))};
	return store_document_put(tx, &STORE_IAM_SETTING, REPORT, "", &report, err);
}

static int get_credential_report(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	struct iam_get_credential_report_response *resp = s->resp;
	struct towpath_identity_setting report;
	int r = setting(s, tx, REPORT, &report, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set_wire(err, "ReportNotPresent",
			"No report exists: GenerateCredentialReport makes one.");
	if (!is_fresh(s, &report))
		return err_set_wire(err, "ReportExpired",
			"The report is older than four hours: GenerateCredentialReport makes a "
			"new one.");
	resp->content = view_of(report.value);
	resp->generated_time = report.created;
	resp->report_format = "text/csv";
	return 0;
}

IDENTITY_STEP(iam, create_account_alias, identity_write)
IDENTITY_STEP(iam, delete_account_alias, identity_write)
IDENTITY_STEP(iam, generate_credential_report, identity_write)
IDENTITY_STEP(iam, get_account_summary, identity_read)
IDENTITY_STEP(iam, get_credential_report, identity_read)
IDENTITY_STEP(iam, list_account_aliases, identity_read)
