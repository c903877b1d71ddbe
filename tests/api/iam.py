# SPDX-License-Identifier: Apache-2.0
"""The operations of iam: users, keys, roles, policies, git credentials; and git with them."""
import json

import pytest
from asking import code_of as code

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"},
     "Action": "sts:AssumeRole"}]})


@pytest.fixture
def iam(shared_server):
    return shared_server.client("iam")


def test_users(iam, shared_server):
    user = iam.create_user(UserName="ann", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])["User"]
    assert user["Arn"] == f"arn:aws:iam::{shared_server.account}:user/team/ann"
    assert code(iam.create_user, UserName="Ann") == "EntityAlreadyExists"
    assert iam.get_user(UserName="ann")["User"]["UserId"] == user["UserId"]
    assert "ann" in [u["UserName"] for u in iam.list_users(PathPrefix="/team/")["Users"]]
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert code(iam.delete_user, UserName="ann") == "DeleteConflict"
    assert [k["AccessKeyId"] for k in
            iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]] == [key["AccessKeyId"]]
    iam.create_access_key(UserName="ann")
    assert code(iam.create_access_key, UserName="ann") == "LimitExceeded"
    for k in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="ann", AccessKeyId=k["AccessKeyId"])
    iam.delete_user(UserName="ann")
    assert code(iam.get_user, UserName="ann") == "NoSuchEntity"
    assert code(iam.delete_user, UserName="ann") == "NoSuchEntity"


def test_pages(iam):
    names = [f"page{i}" for i in range(5)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    got = []
    for page in iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2}):
        got += [r["RoleName"] for r in page["Roles"]]
    assert [n for n in got if n.startswith("page")] == names


def test_roles(iam):
    role = iam.create_role(RoleName="builder", AssumeRolePolicyDocument=TRUST,
                           Description="builds")["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert iam.get_role(RoleName="builder")["Role"]["MaxSessionDuration"] == 3600
    iam.put_role_policy(RoleName="builder", PolicyName="p", PolicyDocument=ALLOW)
    assert iam.list_role_policies(RoleName="builder")["PolicyNames"] == ["p"]
    got = iam.get_role_policy(RoleName="builder", PolicyName="p")
    assert got["PolicyDocument"] == json.loads(ALLOW)
    assert code(iam.delete_role, RoleName="builder") == "DeleteConflict"
    iam.delete_role_policy(RoleName="builder", PolicyName="p")
    assert code(iam.get_role_policy, RoleName="builder", PolicyName="p") == "NoSuchEntity"
    iam.delete_role(RoleName="builder")


def test_policies_of_users(iam, shared_server):
    iam.create_user(UserName="pat")
    keys = iam.create_access_key(UserName="pat")["AccessKey"]
    mine = shared_server.client("iam", keys=(keys["AccessKeyId"], keys["SecretAccessKey"]))
    look = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}]})
    assert code(mine.list_roles) == "AccessDenied"
    assert iam.list_user_policies(UserName="pat")["PolicyNames"] == []
    iam.put_user_policy(UserName="pat", PolicyName="look", PolicyDocument=look)
    iam.put_user_policy(UserName="pat", PolicyName="alone", PolicyDocument=ALLOW)
    assert iam.list_user_policies(UserName="pat")["PolicyNames"] == ["alone", "look"]
    got = iam.get_user_policy(UserName="pat", PolicyName="look")
    assert (got["UserName"], got["PolicyName"]) == ("pat", "look")
    assert got["PolicyDocument"] == json.loads(look)
    mine.list_roles()
    iam.delete_user_policy(UserName="pat", PolicyName="look")
    assert code(mine.list_roles) == "AccessDenied"
    assert iam.list_user_policies(UserName="pat")["PolicyNames"] == ["alone"]
    for call in (iam.get_user_policy, iam.delete_user_policy):
        assert code(call, UserName="pat", PolicyName="look") == "NoSuchEntity"
    assert code(iam.list_user_policies, UserName="nobody") == "NoSuchEntity"

    arn = iam.create_policy(PolicyName="look-around", PolicyDocument=look)["Policy"]["Arn"]
    assert iam.list_attached_user_policies(UserName="pat")["AttachedPolicies"] == []
    iam.attach_user_policy(UserName="pat", PolicyArn=arn)
    assert iam.list_attached_user_policies(UserName="pat")["AttachedPolicies"] == [
        {"PolicyName": "look-around", "PolicyArn": arn}]
    mine.list_roles()
    iam.detach_user_policy(UserName="pat", PolicyArn=arn)
    assert iam.list_attached_user_policies(UserName="pat")["AttachedPolicies"] == []
    assert code(mine.list_roles) == "AccessDenied"
    assert code(iam.list_attached_user_policies, UserName="nobody") == "NoSuchEntity"


def test_managed_policies(iam, shared_server):
    arn = iam.create_policy(PolicyName="mine", PolicyDocument=ALLOW)["Policy"]["Arn"]
    assert code(iam.create_policy, PolicyName="mine", PolicyDocument=ALLOW) == "EntityAlreadyExists"
    assert code(iam.create_policy, PolicyName="Mine", Path="/x/", PolicyDocument=ALLOW) == "EntityAlreadyExists"
    iam.create_role(RoleName="carrier", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="carrier", PolicyArn=arn)
    iam.attach_role_policy(RoleName="carrier",
                           PolicyArn="arn:aws:iam::aws:policy/service-role/AWSCodeDeployRole")
    listed = iam.list_attached_role_policies(RoleName="carrier")["AttachedPolicies"]
    assert {p["PolicyName"] for p in listed} == {"mine", "AWSCodeDeployRole"}
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert code(iam.delete_policy, PolicyArn=arn) == "DeleteConflict"
    iam.detach_role_policy(RoleName="carrier", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert code(iam.attach_role_policy, RoleName="carrier", PolicyArn=arn) == "NoSuchEntity"


@pytest.mark.parametrize("document", [
    "{", "[]", "{}", '{"Version":"2020-01-01","Statement":[]}',
    '{"Statement":{"Effect":"Maybe","Action":"a:b","Resource":"*"}}',
    '{"Statement":{"Effect":"Allow","Resource":"*"}}',
    '{"Statement":{"Effect":"Allow","Action":"a:b"}}',
    '{"Statement":{"Effect":"Allow","Action":"ab","Resource":"*"}}',
    '{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"bucket"}}',
    '{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Principal":"*"}}',
    '{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"Foo":{}}}}',
    # statements that would mean nothing
    '{"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*"},"Extra":1}',
    '{"Statement":{"Sid":"a b","Effect":"Deny","Action":"a:b","Resource":"*"}}',
    '{"Statement":{"Effect":"Deny","Action":"a b:c","Resource":"*"}}',
    '{"Statement":{"Effect":"Deny","Action":["a:b","a:"],"Resource":"*"}}',
    '{"Statement":{"Effect":"Deny","NotAction":"a:b:c","Resource":"*"}}',
    '{"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}}',
    '{"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}}}',
    '{"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*","Condition":{"NumericEquals":{"s3:max-keys":"ten"}}}}',
    '{"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"no"}}}}',
    '{"Statement":{"Effect":"Deny","Action":"a:b","Resource":"*","Condition":{"Null":{"aws:username":"yes"}}}}',
])
def test_malformed_documents(iam, document):
    assert code(iam.create_policy, PolicyName="bad",
                PolicyDocument=document) == "MalformedPolicyDocument"


@pytest.mark.parametrize("more", [
    {"Action": "s3:GetObject"}, {"Action": "*"}, {"Principal": {}}, {"Principal": {"AWS": []}},
    {"Principal": {"Service": "codebuild.amazonws.com"}},
    {"Principal": {"AWS": "arn:aws:iam::123456789012:group/g"}},
    {"Principal": {"AWS": "arn:aws:s3:::bucket"}},
])
def test_malformed_trust(iam, more):
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "123456789012"}, **more}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert code(iam.create_role, RoleName="bad", AssumeRolePolicyDocument=document) == "MalformedPolicyDocument"


def test_quotas(iam):
    def long(n):
        """A document of more than n characters that count; the white space does not."""
        return json.dumps({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": [
                f"arn:aws:s3:::{'x' * 60}{i:03}" for i in range(n // 79 + 1)]}]}, indent=8)

    iam.create_user(UserName="full")
    iam.create_role(RoleName="full", AssumeRolePolicyDocument=TRUST)
    made = [iam.create_policy(PolicyName=f"quota-{i}", PolicyDocument=ALLOW)["Policy"]["Arn"] for i in range(11)]
    for arn in made[:10]:
        iam.attach_user_policy(UserName="full", PolicyArn=arn)
    assert code(iam.attach_user_policy, UserName="full", PolicyArn=made[10]) == "LimitExceeded"
    iam.attach_user_policy(UserName="full", PolicyArn=made[0])  # is there already
    for i in range(11):
        iam.create_group(GroupName=f"quota-{i}")
    for i in range(10):
        iam.add_user_to_group(UserName="full", GroupName=f"quota-{i}")
    assert code(iam.add_user_to_group, UserName="full", GroupName="quota-10") == "LimitExceeded"
    assert code(iam.create_policy, PolicyName="long", PolicyDocument=long(6144)) == "LimitExceeded"
    assert code(iam.create_policy_version, PolicyArn=made[0], PolicyDocument=long(6144)) == "LimitExceeded"
    iam.create_policy(PolicyName="long", PolicyDocument=long(5000))
    for call, name, size in ((iam.put_user_policy, "UserName", 2048), (iam.put_group_policy, "GroupName", 5120),
                             (iam.put_role_policy, "RoleName", 10240)):
        owner = {name: "quota-0" if name == "GroupName" else "full"}
        assert code(call, PolicyName="p", PolicyDocument=long(size), **owner) == "LimitExceeded"
        for _ in range(2):  # in its own place
            call(PolicyName="p", PolicyDocument=long(size * 2 // 3), **owner)
        assert code(call, PolicyName="q", PolicyDocument=long(size * 2 // 3), **owner) == "LimitExceeded"
    trust = json.loads(TRUST)
    trust["Statement"][0]["Condition"] = {"StringEquals": {"aws:SourceArn": ["x" * 100] * 22}}
    assert code(iam.create_role, RoleName="long", AssumeRolePolicyDocument=json.dumps(trust)) == "LimitExceeded"
    quotas = iam.get_account_summary()["SummaryMap"]
    assert (quotas["AttachedPoliciesPerRoleQuota"], quotas["PolicySizeQuota"]) == (10, 6144)


def test_git_credentials(server):
    server.client("codecommit").create_repository(repositoryName="repo")
    server.user("git", {"Effect": "Allow", "Action": "codecommit:Git*", "Resource": "*"})
    iam = server.client("iam")
    made = iam.create_service_specific_credential(
        UserName="git", ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert made["ServiceUserName"] == f"git-at-{server.account}"
    listed = iam.list_service_specific_credentials(UserName="git")
    assert "ServicePassword" not in listed["ServiceSpecificCredentials"][0]

    def push(name, password, branch):
        host = server.endpoint[len("http://"):]
        return server.run("git", "-c", "credential.helper=", "push",
                          f"http://{name}:{password}@{host}/v1/repos/repo", f"HEAD:{branch}",
                          cwd=server.data + "/work", check=False)

    server.run("git", "init", "-q", "work")
    server.run("git", "commit", "-q", "--allow-empty", "-m", "one", cwd=server.data + "/work")
    done = push(made["ServiceUserName"], made["ServicePassword"], "main")
    assert done.returncode == 0, done.stderr
    assert push(made["ServiceUserName"], "wrong", "b").returncode != 0
    again = iam.reset_service_specific_credential(
        UserName="git", ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"])
    again = again["ServiceSpecificCredential"]
    assert push(made["ServiceUserName"], made["ServicePassword"], "c").returncode != 0
    assert push(made["ServiceUserName"], again["ServicePassword"], "d").returncode == 0
    iam.update_service_specific_credential(
        UserName="git", ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"],
        Status="Inactive")
    assert push(made["ServiceUserName"], again["ServicePassword"], "e").returncode != 0
    second = iam.create_service_specific_credential(
        UserName="git", ServiceName="codecommit.amazonaws.com")["ServiceSpecificCredential"]
    assert second["ServiceUserName"] == f"git+1-at-{server.account}"
    second_name = second["ServiceUserName"].replace("+", "%2B")
    assert push(second_name, second["ServicePassword"], "f").returncode == 0
    gone = {"UserName": "git", "ServiceSpecificCredentialId": second["ServiceSpecificCredentialId"]}
    iam.delete_service_specific_credential(**gone)
    assert push(second_name, second["ServicePassword"], "g").returncode != 0
    left = iam.list_service_specific_credentials(UserName="git")["ServiceSpecificCredentials"]
    assert [c["ServiceSpecificCredentialId"] for c in left] == [made["ServiceSpecificCredentialId"]]
    assert code(iam.delete_service_specific_credential, **gone) == "NoSuchEntity"


def test_git_with_the_credential_helper(server):
    """Nothing but `towpath env`."""
    server.client("codecommit").create_repository(repositoryName="repo")
    server.run("git", "clone", "-q", server.git_url("repo"), "work")
    work = server.data + "/work"
    server.run("git", "commit", "-q", "--allow-empty", "-m", "one", cwd=work)
    server.run("git", "push", "-q", "origin", "HEAD:main", cwd=work)
    branch = server.client("codecommit").get_branch(repositoryName="repo", branchName="main")
    head = server.run("git", "rev-parse", "HEAD", cwd=work).stdout.strip()
    assert branch["branch"]["commitId"] == head
    keys = server.user("reader", {"Effect": "Allow", "Action": "codecommit:GitPull",
                                  "Resource": "*"})
    assert head in server.run("git", "ls-remote", "origin", cwd=work, keys=keys).stdout
    done = server.run("git", "push", "-q", "origin", "HEAD:other", cwd=work, keys=keys, check=False)
    assert done.returncode != 0 and "403" in done.stderr


def test_aws_cli(shared_server):
    assert shared_server.aws("sts", "get-caller-identity")["Account"] == shared_server.account
    shared_server.aws("iam", "create-user", "--user-name", "cli")
    done = shared_server.aws("iam", "create-user", "--user-name", "cli", check=False)
    assert "EntityAlreadyExists" in done.stderr


def asking(server, name, service, actions, condition):
    """A client of a new user who may do the actions under the condition."""
    key = server.user(name, {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition})
    return server.client(service, keys=key)


def denied(call, **kwargs):
    return code(call, **kwargs) in ("AccessDenied", "AccessDeniedException")


def test_rules_by_what_their_patterns_hear(shared_server):
    """EventBridge's own examples of conditions: each source that a pattern names must be allowed."""
    mine = {"ForAllValues:StringEquals": {"events:source": ["aws.codecommit", "aws.codebuild"]},
            "Null": {"events:source": "false"}}
    events = asking(shared_server, "hears-some", "events", "events:PutRule", mine)
    put = {"Name": "by-source", "State": "DISABLED"}
    events.put_rule(EventPattern='{"source": ["aws.codecommit", "aws.codebuild"]}', **put)
    for pattern in ('{"source": ["aws.codecommit", "aws.ec2"]}', '{"source": [{"prefix": "aws."}]}', '{"account": ["1"]}',
                    '{"$or": [{"source": ["aws.codecommit"]}, {"source": ["shop"]}]}'):
        assert denied(events.put_rule, EventPattern=pattern, **put), pattern
    events = asking(shared_server, "hears-logins", "events", "events:PutRule", {"StringEquals": {
        "events:detail-type": "CodeBuild Build State Change", "events:detail.userIdentity.principalId": "AIDA1"}})
    pattern = {"detail-type": ["CodeBuild Build State Change"], "detail": {"userIdentity": {"principalId": ["AIDA1"]}}}
    events.put_rule(EventPattern=json.dumps(pattern), **put)
    pattern["detail"]["userIdentity"]["principalId"] = ["AIDA2"]
    assert denied(events.put_rule, EventPattern=json.dumps(pattern), **put)


def test_who_is_bounded_may_be_changed(shared_server, iam):
    """The pattern of delegating: policies may be given to users and roles under a boundary only."""
    boundary, admin = "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::aws:policy/AdministratorAccess"
    key = shared_server.user("delegate", {"Effect": "Allow", "Action": "iam:*", "Resource": "*"})
    iam.put_user_policy(UserName="delegate", PolicyName="bounded", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Resource": "*", "Condition": {"StringNotEquals": {"iam:PermissionsBoundary": boundary}},
            "Action": ["iam:CreateUser", "iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:PutUserPermissionsBoundary",
                       "iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy"]}]}))
    mine = shared_server.client("iam", keys=key)
    assert denied(mine.create_user, UserName="unbounded")
    mine.create_user(UserName="bounded", PermissionsBoundary=boundary)
    mine.attach_user_policy(UserName="bounded", PolicyArn=admin)
    assert denied(mine.attach_user_policy, UserName="delegate", PolicyArn=admin)
    iam.create_role(RoleName="unbounded", AssumeRolePolicyDocument=TRUST)
    mine.create_role(RoleName="bounded", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary)
    mine.attach_role_policy(RoleName="bounded", PolicyArn=admin)
    assert denied(mine.attach_role_policy, RoleName="unbounded", PolicyArn=admin)


def test_keys_that_are_arns_whatever_names_them(shared_server):
    ecs = shared_server.client("ecs")
    arn = ecs.create_cluster(clusterName="keyed")["cluster"]["clusterArn"]
    mine = asking(shared_server, "of-a-cluster", "ecs", "ecs:ListTasks", {"ArnEquals": {"ecs:cluster": arn}})
    assert mine.list_tasks(cluster="keyed")["taskArns"] == mine.list_tasks(cluster=arn)["taskArns"] == []
    assert denied(mine.list_tasks, cluster="other") and denied(mine.list_tasks)
