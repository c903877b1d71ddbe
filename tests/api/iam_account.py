# SPDX-License-Identifier: Apache-2.0
"""iam: groups, policy versions, boundaries, tags, instance profiles, SSH keys, the account's reports,
simulation; and that all of it counts when requests are authorized."""
import csv
import io
import json
import subprocess

import botocore.exceptions
import pytest

from iam import ALLOW, TRUST, code


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions, resource="*", **more):
    return {"Effect": "Deny", "Action": list(actions), "Resource": resource, **more}


@pytest.fixture
def iam(shared_server):
    return shared_server.client("iam")


def user(server, name, document=None, **kwargs):
    """A new user's clients, by service."""
    iam = server.client("iam")
    iam.create_user(UserName=name, **kwargs)
    if document:
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return lambda service: server.client(service, keys=(key["AccessKeyId"], key["SecretAccessKey"]))


def denial(call, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as e:
        call(**kwargs)
    assert e.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return e.value.response["Error"]["Message"]


def test_groups(iam, shared_server):
    group = iam.create_group(GroupName="Devs", Path="/team/")["Group"]
    assert group["Arn"] == f"arn:aws:iam::{shared_server.account}:group/team/Devs"
    assert code(iam.create_group, GroupName="devs") == "EntityAlreadyExists"
    mine = user(shared_server, "gus")("iam")
    denial(mine.list_roles)
    iam.put_group_policy(GroupName="Devs", PolicyName="look", PolicyDocument=policy(allow("iam:ListRoles")))
    iam.add_user_to_group(GroupName="Devs", UserName="gus")
    mine.list_roles()
    assert iam.list_group_policies(GroupName="Devs")["PolicyNames"] == ["look"]
    assert iam.get_group_policy(GroupName="Devs", PolicyName="look")["PolicyDocument"]["Statement"]
    assert [u["UserName"] for u in iam.get_group(GroupName="Devs")["Users"]] == ["gus"]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName="gus")["Groups"]] == ["Devs"]
    arn = iam.create_policy(PolicyName="users", PolicyDocument=policy(allow("iam:ListUsers")))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="Devs", PolicyArn=arn)
    mine.list_users()
    assert iam.list_attached_group_policies(GroupName="Devs")["AttachedPolicies"][0]["PolicyName"] == "users"
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyGroups"][0]["GroupName"] == "Devs"
    # a new name takes all along
    iam.update_group(GroupName="Devs", NewGroupName="Coders", NewPath="/")
    mine.list_users()
    assert [g["GroupName"] for g in iam.list_groups()["Groups"]] == ["Coders"]
    assert code(iam.delete_group, GroupName="Coders") == "DeleteConflict"
    iam.detach_group_policy(GroupName="Coders", PolicyArn=arn)
    iam.delete_group_policy(GroupName="Coders", PolicyName="look")
    assert code(iam.delete_group, GroupName="Coders") == "DeleteConflict"
    iam.remove_user_from_group(GroupName="Coders", UserName="gus")
    denial(mine.list_roles)
    iam.delete_group(GroupName="Coders")
    iam.delete_policy(PolicyArn=arn)


def test_users_are_renamed(iam, shared_server):
    mine = user(shared_server, "old", policy(allow("iam:ListRoles")))("iam")
    credential = iam.create_service_specific_credential(UserName="old", ServiceName="codecommit.amazonaws.com")
    iam.update_user(UserName="old", NewUserName="new", NewPath="/x/")
    mine.list_roles()
    assert shared_server.client("sts").get_caller_identity()
    assert iam.get_user(UserName="new")["User"]["Path"] == "/x/"
    assert code(iam.get_user, UserName="old") == "NoSuchEntity"
    listed = iam.list_service_specific_credentials(UserName="new")["ServiceSpecificCredentials"]
    assert [c["ServiceSpecificCredentialId"] for c in listed] == [
        credential["ServiceSpecificCredential"]["ServiceSpecificCredentialId"]]
    assert iam.list_access_keys(UserName="new")["AccessKeyMetadata"][0]["UserName"] == "new"
    assert code(iam.update_user, UserName="new", NewUserName="gone?") == "ValidationError"


def test_policy_versions(iam, shared_server):
    arn = iam.create_policy(PolicyName="versions", Description="d", PolicyDocument=policy(allow("iam:ListRoles")))[
        "Policy"]["Arn"]
    mine = user(shared_server, "vera")("iam")
    iam.attach_user_policy(UserName="vera", PolicyArn=arn)
    mine.list_roles()
    v2 = iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("iam:ListUsers")))["PolicyVersion"]
    assert (v2["VersionId"], v2["IsDefaultVersion"]) == ("v2", False)
    mine.list_roles()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    denial(mine.list_roles)
    mine.list_users()
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    for i in range(3, 6):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=ALLOW, SetAsDefault=i == 5)
    assert code(iam.create_policy_version, PolicyArn=arn, PolicyDocument=ALLOW) == "LimitExceeded"
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in versions] == ["v5", "v4", "v3", "v2", "v1"]
    assert [v["IsDefaultVersion"] for v in versions] == [True] + [False] * 4
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]["Statement"][0][
        "Action"] == ["iam:ListUsers"]
    assert code(iam.delete_policy_version, PolicyArn=arn, VersionId="v5") == "DeleteConflict"
    iam.detach_user_policy(UserName="vera", PolicyArn=arn)
    assert code(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    for i in range(1, 5):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{i}")
    assert code(iam.get_policy_version, PolicyArn=arn, VersionId="v1") == "NoSuchEntity"
    assert arn in [p["Arn"] for p in iam.list_policies(Scope="Local")["Policies"]]
    iam.delete_policy(PolicyArn=arn)
    names = [p["PolicyName"] for page in iam.get_paginator("list_policies").paginate(
        Scope="AWS", PaginationConfig={"PageSize": 3}) for p in page["Policies"]]
    assert "AdministratorAccess" in names and len(names) == len(set(names))
    built_in = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert iam.get_policy_version(PolicyArn=built_in, VersionId="v1")["PolicyVersion"]["IsDefaultVersion"]


def test_lists_of_policies(iam):
    made = [iam.create_policy(PolicyName=f"listed-{i}", Path="/lists/", PolicyDocument=ALLOW)["Policy"]["Arn"]
            for i in range(4)]
    iam.create_user(UserName="lister", Path="/lists/")
    for arn in made[:3]:
        iam.attach_user_policy(UserName="lister", PolicyArn=arn)
    iam.attach_user_policy(UserName="lister", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    for name in "abc":
        iam.put_user_policy(UserName="lister", PolicyName=name, PolicyDocument=ALLOW)
        iam.create_group(GroupName="lists-" + name)
        iam.add_user_to_group(UserName="lister", GroupName="lists-" + name)

    def pages(operation, member, **args):
        found = [page[member] for page in iam.get_paginator(operation).paginate(
            PaginationConfig={"PageSize": 2}, **args)]
        assert all(len(page) <= 2 for page in found)
        return [one for page in found for one in page]

    attached = pages("list_attached_user_policies", "AttachedPolicies", UserName="lister")
    assert {p["PolicyArn"] for p in attached} == {*made[:3], "arn:aws:iam::aws:policy/ReadOnlyAccess"}
    assert len(pages("list_attached_user_policies", "AttachedPolicies", UserName="lister", PathPrefix="/lists/")) == 3
    assert pages("list_user_policies", "PolicyNames", UserName="lister") == ["a", "b", "c"]
    assert len(pages("list_groups_for_user", "Groups", UserName="lister")) == 3
    # a policy goes between two pages
    first = iam.list_policies(Scope="Local", PathPrefix="/lists/", MaxItems=2)
    assert [p["Arn"] for p in first["Policies"]] == made[:2]
    iam.detach_user_policy(UserName="lister", PolicyArn=made[1])
    iam.delete_policy(PolicyArn=made[1])
    second = iam.list_policies(Scope="Local", PathPrefix="/lists/", MaxItems=2, Marker=first["Marker"])
    assert [p["Arn"] for p in second["Policies"]] == made[2:]

    iam.create_role(RoleName="lister", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=made[3])
    bounding = iam.list_policies(Scope="Local", PolicyUsageFilter="PermissionsBoundary", PathPrefix="/lists/")["Policies"]
    assert [(p["Arn"], p["PermissionsBoundaryUsageCount"]) for p in bounding] == [(made[3], 1)]

    def entities(arn, **args):
        got = iam.list_entities_for_policy(PolicyArn=arn, **args)
        return [u["UserName"] for u in got["PolicyUsers"]], [r["RoleName"] for r in got["PolicyRoles"]]

    assert entities(made[3]) == entities(made[3], PolicyUsageFilter="PermissionsBoundary") == ([], ["lister"])
    assert entities(made[3], PolicyUsageFilter="PermissionsPolicy") == ([], [])
    assert entities(made[0], PathPrefix="/lists/") == (["lister"], [])
    assert entities(made[0], PathPrefix="/other/") == ([], [])


def test_permissions_boundaries(iam, shared_server):
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=policy(allow("iam:ListRoles")))["Policy"]["Arn"]
    mine = user(shared_server, "bo", policy(allow("iam:List*")), PermissionsBoundary=limit)("iam")
    mine.list_roles()
    assert "because no permissions boundary allows the iam:ListUsers action" in denial(mine.list_users)
    assert iam.get_user(UserName="bo")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == limit
    assert code(iam.delete_policy, PolicyArn=limit) == "DeleteConflict"
    iam.delete_user_permissions_boundary(UserName="bo")
    mine.list_users()
    iam.put_user_permissions_boundary(UserName="bo", PermissionsBoundary=limit)
    denial(mine.list_users)
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=TRUST)
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=limit)
    assert iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == limit
    iam.delete_role_permissions_boundary(RoleName="bounded")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="bounded")["Role"]
    assert code(iam.put_user_permissions_boundary, UserName="bo",
                PermissionsBoundary=limit + "x") == "NoSuchEntity"


def test_roles_change(iam, shared_server):
    iam.create_role(RoleName="changing", AssumeRolePolicyDocument=TRUST)
    iam.update_role(RoleName="changing", Description="one", MaxSessionDuration=7200)
    assert iam.get_role(RoleName="changing")["Role"]["MaxSessionDuration"] == 7200
    assert iam.update_role_description(RoleName="changing", Description="two")["Role"]["Description"] == "two"
    other = TRUST.replace("codebuild", "codedeploy")
    iam.update_assume_role_policy(RoleName="changing", PolicyDocument=other)
    assert iam.get_role(RoleName="changing")["Role"]["AssumeRolePolicyDocument"] == json.loads(other)
    nobody = policy({"Effect": "Allow", "Action": "sts:AssumeRole",
                     "Principal": {"AWS": f"arn:aws:iam::{shared_server.account}:user/nobody"}})
    assert code(iam.update_assume_role_policy, RoleName="changing",
                PolicyDocument=nobody) == "MalformedPolicyDocument"


def test_tags(iam, shared_server):
    iam.create_user(UserName="tagged")
    iam.create_role(RoleName="tagged", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="tagged")
    arn = iam.create_policy(PolicyName="tagged", PolicyDocument=ALLOW)["Policy"]["Arn"]
    provider = iam.create_open_id_connect_provider(
        Url="https://tags.example", ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
    things = [("user", {"UserName": "tagged"}), ("role", {"RoleName": "tagged"}), ("policy", {"PolicyArn": arn}),
              ("instance_profile", {"InstanceProfileName": "tagged"}),
              ("open_id_connect_provider", {"OpenIDConnectProviderArn": provider})]
    for kind, name in things:
        tag, untag, tags = (getattr(iam, f) for f in (f"tag_{kind}", f"untag_{kind}", f"list_{kind}_tags"))
        tag(Tags=[{"Key": "team", "Value": "x"}, {"Key": "b", "Value": ""}], **name)
        tag(Tags=[{"Key": "Team", "Value": "y"}], **name)
        assert {t["Key"].lower(): t["Value"] for t in tags(**name)["Tags"]} == {"team": "y", "b": ""}, kind
        untag(TagKeys=["b"], **name)
        assert [t["Value"] for t in tags(**name)["Tags"]] == ["y"], kind
    assert code(iam.tag_user, UserName="tagged", Tags=[{"Key": f"k{i}", "Value": ""} for i in range(50)]
                ) == "LimitExceeded"
    # the tags of a user are condition keys
    mine = user(shared_server, "tina", policy(allow("iam:ListRoles", Condition={
        "StringEquals": {"aws:PrincipalTag/team": "x"}})))("iam")
    denial(mine.list_roles)
    iam.tag_user(UserName="tina", Tags=[{"Key": "team", "Value": "x"}])
    mine.list_roles()


def test_tags_of_the_service_itself(iam):
    for key in ("aws:cloudformation:stack-name", "AWS:x"):
        assert code(iam.create_user, UserName="aws-tagged", Tags=[{"Key": key, "Value": "x"}]) == "InvalidInput"


def test_request_tags(iam, shared_server):
    mine = user(shared_server, "rita", policy(allow("codecommit:CreateRepository", Condition={
        "StringEquals": {"aws:RequestTag/team": "x"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}})))
    repositories = mine("codecommit")
    denial(repositories.create_repository, repositoryName="rt")
    denial(repositories.create_repository, repositoryName="rt", tags={"team": "y"})
    denial(repositories.create_repository, repositoryName="rt", tags={"team": "x", "more": ""})
    repositories.create_repository(repositoryName="rt", tags={"team": "x"})


def test_instance_profiles(iam):
    iam.create_role(RoleName="host", AssumeRolePolicyDocument=TRUST)
    profile = iam.create_instance_profile(InstanceProfileName="hosts", Path="/p/")["InstanceProfile"]
    assert profile["Roles"] == [] and profile["InstanceProfileId"].startswith("AIPA")
    iam.add_role_to_instance_profile(InstanceProfileName="hosts", RoleName="host")
    assert code(iam.add_role_to_instance_profile, InstanceProfileName="hosts", RoleName="host") == "LimitExceeded"
    got = iam.get_instance_profile(InstanceProfileName="hosts")["InstanceProfile"]
    assert got["Roles"][0]["RoleName"] == "host"
    assert iam.list_instance_profiles_for_role(RoleName="host")["InstanceProfiles"][0]["Path"] == "/p/"
    assert [p["InstanceProfileName"] for p in iam.list_instance_profiles(PathPrefix="/p/")["InstanceProfiles"]] == [
        "hosts"]
    assert code(iam.delete_role, RoleName="host") == "DeleteConflict"
    assert code(iam.delete_instance_profile, InstanceProfileName="hosts") == "DeleteConflict"
    iam.remove_role_from_instance_profile(InstanceProfileName="hosts", RoleName="host")
    iam.delete_instance_profile(InstanceProfileName="hosts")
    iam.delete_role(RoleName="host")


def test_ssh_keys(iam, tmp_path):
    iam.create_user(UserName="ssh")
    files = {}
    for kind, bits in (("rsa", "2048"), ("rsa", "1024"), ("ed25519", "256")):
        path = tmp_path / f"{kind}{bits}"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", path], check=True)
        files[f"{kind}{bits}"] = open(f"{path}.pub", encoding="utf-8").read()
    key = iam.upload_ssh_public_key(UserName="ssh", SSHPublicKeyBody=files["rsa2048"])["SSHPublicKey"]
    assert key["SSHPublicKeyId"].startswith("APKA") and key["Status"] == "Active"
    md5 = subprocess.run(["ssh-keygen", "-l", "-E", "md5", "-f", f"{tmp_path}/rsa2048.pub"], check=True,
                         stdout=subprocess.PIPE, text=True).stdout.split()[1]
    assert "MD5:" + key["Fingerprint"] == md5
    assert code(iam.upload_ssh_public_key, UserName="ssh", SSHPublicKeyBody=files["rsa2048"]
                ) == "DuplicateSSHPublicKey"
    assert code(iam.upload_ssh_public_key, UserName="ssh", SSHPublicKeyBody=files["rsa1024"]) == "InvalidPublicKey"
    assert code(iam.upload_ssh_public_key, UserName="ssh", SSHPublicKeyBody="hello") == (
        "UnrecognizedPublicKeyEncoding")
    assert code(iam.upload_ssh_public_key, UserName="ssh", SSHPublicKeyBody="ssh-rsa AAAA") == "InvalidPublicKey"
    name = {"UserName": "ssh", "SSHPublicKeyId": key["SSHPublicKeyId"]}
    pem = iam.get_ssh_public_key(Encoding="PEM", **name)["SSHPublicKey"]["SSHPublicKeyBody"]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    iam.delete_ssh_public_key(**name)
    again = iam.upload_ssh_public_key(UserName="ssh", SSHPublicKeyBody=pem)["SSHPublicKey"]
    assert again["SSHPublicKeyBody"] == " ".join(files["rsa2048"].split()[:2])
    other = iam.upload_ssh_public_key(UserName="ssh", SSHPublicKeyBody=files["ed25519256"])["SSHPublicKey"]
    iam.update_ssh_public_key(UserName="ssh", SSHPublicKeyId=other["SSHPublicKeyId"], Status="Inactive")
    listed = {k["SSHPublicKeyId"]: k["Status"] for k in iam.list_ssh_public_keys(UserName="ssh")["SSHPublicKeys"]}
    assert listed == {again["SSHPublicKeyId"]: "Active", other["SSHPublicKeyId"]: "Inactive"}
    assert code(iam.get_ssh_public_key, Encoding="SSH", **name) == "NoSuchEntity"
    assert code(iam.delete_user, UserName="ssh") == "DeleteConflict"


def test_aliases_and_sums(iam):
    iam.create_account_alias(AccountAlias="our-shop")
    assert iam.list_account_aliases()["AccountAliases"] == ["our-shop"]
    assert code(iam.delete_account_alias, AccountAlias="other") == "NoSuchEntity"
    iam.delete_account_alias(AccountAlias="our-shop")
    assert iam.list_account_aliases()["AccountAliases"] == []
    sums = iam.get_account_summary()["SummaryMap"]
    assert sums["Users"] == len(iam.list_users(MaxItems=1000)["Users"])


def test_last_use_and_the_credential_report(iam, shared_server):
    key = iam.create_user(UserName="rep") and iam.create_access_key(UserName="rep")["AccessKey"]
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert used["AccessKeyLastUsed"]["ServiceName"] == "N/A" and used["UserName"] == "rep"
    shared_server.client("sts", keys=(key["AccessKeyId"], key["SecretAccessKey"])).get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert used["ServiceName"] == "sts" and "LastUsedDate" in used
    iam.create_user(UserName="rep,2")
    assert code(iam.get_credential_report) == "ReportNotPresent"
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = {r["user"]: r for r in csv.DictReader(io.StringIO(report["Content"].decode()))}
    assert rows["rep"]["access_key_1_active"] == "true" and rows["rep"]["access_key_1_last_used_service"] == "sts"
    assert rows["rep"]["access_key_2_active"] == "false" and "<root_account>" in rows
    assert rows["rep,2"]["arn"].endswith(":user/rep,2") and rows["rep,2"]["access_key_1_active"] == "false"


def test_authorization_details(iam):
    iam.create_user(UserName="det")
    iam.put_user_policy(UserName="det", PolicyName="own", PolicyDocument=ALLOW)
    iam.create_group(GroupName="detgroup")
    iam.add_user_to_group(GroupName="detgroup", UserName="det")
    iam.create_role(RoleName="detrole", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="detrole", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    everything = iam.get_account_authorization_details()
    mine = next(u for u in everything["UserDetailList"] if u["UserName"] == "det")
    assert mine["GroupList"] == ["detgroup"]
    assert mine["UserPolicyList"][0]["PolicyDocument"] == json.loads(ALLOW)
    role = next(r for r in everything["RoleDetailList"] if r["RoleName"] == "detrole")
    assert role["AttachedManagedPolicies"][0]["PolicyName"] == "ReadOnlyAccess"
    only = iam.get_account_authorization_details(Filter=["Group"])
    assert only["UserDetailList"] == [] and "detgroup" in [g["GroupName"] for g in only["GroupDetailList"]]


def test_simulation(iam, shared_server):
    bucket = "arn:aws:s3:::b/k"
    got = iam.simulate_custom_policy(
        PolicyInputList=[policy(allow("s3:Get*", resource=bucket, Condition={
            "StringEquals": {"aws:username": "x"}}), deny("s3:GetObjectTagging"))],
        ActionNames=["s3:GetObject", "s3:PutObject", "s3:GetObjectTagging"], ResourceArns=[bucket],
        ContextEntries=[{"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": ["x"]}])
    assert [r["EvalDecision"] for r in got["EvaluationResults"]] == ["allowed", "implicitDeny", "explicitDeny"]
    assert got["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    missing = iam.simulate_custom_policy(PolicyInputList=[policy(allow("s3:*", Condition={
        "Bool": {"aws:SecureTransport": "true"}}))], ActionNames=["s3:GetObject"])["EvaluationResults"][0]
    assert missing["MissingContextValues"] == ["aws:SecureTransport"]
    bounded = iam.simulate_custom_policy(
        PolicyInputList=[policy(allow("*"))], ActionNames=["s3:GetObject"],
        PermissionsBoundaryPolicyInputList=[policy(allow("ec2:*"))])["EvaluationResults"][0]
    assert bounded["EvalDecision"] == "implicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert code(iam.simulate_custom_policy, PolicyInputList=["{}"], ActionNames=["s3:GetObject"]) == "InvalidInput"
    user(shared_server, "sim", policy(allow("codecommit:GitPull"), allow("s3:*", Condition={
        "StringLike": {"s3:prefix": "${aws:username}/*"}})))
    source = f"arn:aws:iam::{shared_server.account}:user/sim"
    got = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["codecommit:GitPull",
                                                                            "codecommit:GitPush"])
    assert [r["EvalDecision"] for r in got["EvaluationResults"]] == ["allowed", "implicitDeny"]
    assert got["EvaluationResults"][0]["MatchedStatements"] == [
        {"SourcePolicyId": "p", "SourcePolicyType": "user"}]
    # where a policy comes from
    iam.create_group(GroupName="simgroup")
    iam.add_user_to_group(UserName="sim", GroupName="simgroup")
    iam.put_group_policy(GroupName="simgroup", PolicyName="g", PolicyDocument=policy(allow("codecommit:*")))
    own = iam.create_policy(PolicyName="simulated", PolicyDocument=policy(allow("codecommit:*")))["Policy"]["Arn"]
    of_aws = "arn:aws:iam::aws:policy/AWSCodeCommitFullAccess"
    for arn in (own, of_aws):
        iam.attach_user_policy(UserName="sim", PolicyArn=arn)
    got = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["codecommit:GitPull"],
                                        PolicyInputList=[policy(allow("*"), allow(
                                            "*", resource="arn:aws:s3:::${*}"))])["EvaluationResults"][0]
    assert {s["SourcePolicyId"]: s["SourcePolicyType"] for s in got["MatchedStatements"]} == {
        "p": "user", "g": "group", own: "user-managed", of_aws: "aws-managed", "PolicyInputList.1": "none"}
    iam.detach_user_policy(UserName="sim", PolicyArn=of_aws)
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=source)["ContextKeyNames"] == ["s3:prefix"]
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[policy(
        allow("s3:*", resource="arn:aws:s3:::b/${aws:userid}"))])
    assert keys["ContextKeyNames"] == ["aws:userid"]
    assert code(iam.simulate_principal_policy, PolicySourceArn=source + "x",
                ActionNames=["s3:GetObject"]) == "NoSuchEntity"


def test_roles_that_are_handed_over(iam, shared_server):
    role = iam.create_role(RoleName="passed", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    project = {"name": "pp", "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {}"},
               "artifacts": {"type": "NO_ARTIFACTS"}, "serviceRole": role,
               "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"}}
    mine = user(shared_server, "passer", policy(allow("codebuild:*")))("codebuild")
    assert denial(mine.create_project, **project) == (
        f"User: arn:aws:iam::{shared_server.account}:user/passer is not authorized to perform: iam:PassRole on "
        f"resource: {role} because no identity-based policy allows the iam:PassRole action")
    for service, allowed in (("codedeploy.amazonaws.com", False), ("codebuild.amazonaws.com", True)):
        iam.put_user_policy(UserName="passer", PolicyName="p", PolicyDocument=policy(allow("codebuild:*"), allow(
            "iam:PassRole", resource=role, Condition={"StringEquals": {"iam:PassedToService": service}})))
        if allowed:
            mine.create_project(**project)
        else:
            denial(mine.create_project, **project)
