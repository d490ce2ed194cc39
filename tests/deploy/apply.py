"""Creates the declared resources in an AWS emulator over boto3, as declared: a small `pulumi up`.

One short function a resource type creates it from its declared properties and returns what the
emulator added. What one resource declares of another (an id, an ARN) is filled in as it becomes
known. A type or a property that is not known here is an error: nothing declared goes unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

import boto3  # type: ignore[import-untyped]

from local import resources
from local.program import STACK, Resource
from local.resources import listed, spelled
from stack import release


class DeploymentFailedError(Exception):
    """A resource could not be made, and those that wait for it were not."""


Outputs = dict[str, Any]
Make = Callable[["Emulator", str, Outputs], Outputs]
"""Makes, or removes, the resource of this name and these properties (removal: and outputs)."""

MAKERS: dict[str, Make] = {}
REMOVERS: dict[str, Make] = {}
UPDATERS: dict[str, tuple[Make, set[str]]] = {}
"""Each with the properties that it changes."""


def _shared(service: str, create: resources.Make) -> Make:
    return lambda emulator, name, p: create(emulator.client(service), name, p)


MAKERS |= {type_: _shared(*each) for type_, each in resources.MAKERS.items()}


class Emulator:
    """The resources that stand in the emulator at `endpoint`, in the order they were made."""

    def __init__(self, endpoint: str, region: str, image: str, keys: Mapping[str, str]) -> None:
        self.endpoint, self.region, self.keys = endpoint, region, keys
        self.image = image
        """What a build gives; another here is a new version for the next `up`."""
        self.standing: dict[str, tuple[Resource, Outputs, Outputs]] = {}
        self.clients: dict[str, Any] = {}
        self.known: dict[str, str] = {}
        """What the mocks made up, and what it is in the emulator."""

    def as_user(self, keys: Mapping[str, str]) -> None:
        """From now on all calls are signed with these keys."""
        self.close()
        self.keys, self.clients = keys, {}

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=self.keys["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.keys["AWS_SECRET_ACCESS_KEY"],
            )
        return self.clients[service]

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def up(self, resources: Iterable[Resource]) -> Outputs:
        """Creates what is missing, changes what differs, and returns the stack's outputs."""
        outputs: Outputs = {}
        for resource in resources:
            properties = self._resolve(resource.properties)
            if resource.type == STACK:
                outputs = properties
            elif not resource.type.startswith("artline:"):
                self._apply(resource, properties)
        return outputs

    def destroy(self) -> None:
        """Removes everything, the last first."""
        for key, (resource, properties, outputs) in reversed(list(self.standing.items())):
            if remove := REMOVERS.get(resource.type):
                remove(self, _name(resource), properties | outputs)
            del self.standing[key]

    def _apply(self, resource: Resource, properties: Outputs) -> None:
        make = MAKERS[resource.type]
        if resource.key in self.standing:
            _, before, _ = self.standing[resource.key]
            changed = {key for key in before | properties if before.get(key) != properties.get(key)}
            if not changed and resource.type != "docker:index/image:Image":
                return
            make, changes = UPDATERS[resource.type]
            assert changed <= changes, (resource.key, changed)
        added = make(self, _name(resource), deepcopy(properties))
        self.standing[resource.key] = (resource, properties, added)
        for key, made_up in resource.outputs.items():
            if isinstance(made_up, str) and key in added:
                self.known[made_up] = added[key]

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, str):
            # The longest first: an ARN holds the id that it is of.
            for made_up in sorted(self.known, key=len, reverse=True):
                value = value.replace(made_up, self.known[made_up])
            return value
        if isinstance(value, Mapping):
            return {key: self._resolve(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._resolve(each) for each in value]
        return value


def _name(resource: Resource) -> str:
    name: str = resource.outputs.get("name", resource.name)
    return name


def makes(type_: str) -> Callable[[Make], Make]:
    return lambda function: MAKERS.setdefault(type_, function)


def removes(type_: str) -> Callable[[Make], Make]:
    return lambda function: REMOVERS.setdefault(type_, function)


def updates(type_: str, *properties: str) -> Callable[[Make], Make]:
    return lambda function: UPDATERS.setdefault(type_, (function, set(properties)))[0]


# The image


@makes("aws:ecr/repository:Repository")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    p.pop("forceDelete")
    p["tags"] = listed(p["tags"])
    return dict(
        emulator.client("ecr").create_repository(repositoryName=name, **p)["repository"],
        repositoryUrl=name,
    )


@removes("aws:ecr/repository:Repository")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("ecr").delete_repository(repositoryName=name, force=True))


@makes("aws:ecr/lifecyclePolicy:LifecyclePolicy")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(
        emulator.client("ecr").put_lifecycle_policy(
            repositoryName=p.pop("repository"), lifecyclePolicyText=p.pop("policy"), **p
        )
    )


@makes("aws:ecr/repositoryPolicy:RepositoryPolicy")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(
        emulator.client("ecr").set_repository_policy(
            repositoryName=p.pop("repository"), policyText=p.pop("policy"), **p
        )
    )


@makes("docker:index/image:Image")
@updates("docker:index/image:Image")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    # The emulator's registry keeps no layers: it runs what the engine has, by its content's digest.
    return {"repoDigest": emulator.image}


# The function


@makes("aws:cloudwatch/logGroup:LogGroup")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    days, name = p.pop("retentionInDays"), p.pop("name", name)
    logs = emulator.client("logs")
    logs.create_log_group(logGroupName=name, **p)
    logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    (group,) = logs.describe_log_groups(logGroupNamePrefix=name, limit=1)["logGroups"]
    return {"arn": group["arn"].removesuffix(":*"), "name": name}


@removes("aws:cloudwatch/logGroup:LogGroup")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("logs").delete_log_group(logGroupName=p["name"]))


@makes("aws:iam/role:Role")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    role = emulator.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=p.pop("assumeRolePolicy"),
        Tags=listed(p.pop("tags")),
        **p,
    )
    return {"arn": role["Role"]["Arn"]}


@removes("aws:iam/role:Role")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("iam").delete_role(RoleName=name))


@makes("aws:iam/rolePolicy:RolePolicy")
@updates("aws:iam/rolePolicy:RolePolicy", "policy")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(
        emulator.client("iam").put_role_policy(
            PolicyName=name, RoleName=p.pop("role"), PolicyDocument=p.pop("policy"), **p
        )
    )


@removes("aws:iam/rolePolicy:RolePolicy")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("iam").delete_role_policy(PolicyName=name, RoleName=p["role"]))


CONFIGURATION = ("environment", "memorySize", "snapStart", "timeout", "tracingConfig")
"""Properties of a function that an update changes beside its image."""


@makes("aws:lambda/function:Function")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    reserved = p.pop("reservedConcurrentExecutions", None)
    client = emulator.client("lambda")
    function = client.create_function(
        FunctionName=name, Code={"ImageUri": p.pop("imageUri")}, **spelled(p)
    )
    if reserved is not None:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    return {"arn": function["FunctionArn"].removesuffix(":1"), "version": function["Version"]}


@updates("aws:lambda/function:Function", "imageUri", *CONFIGURATION)
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    client = emulator.client("lambda")
    configuration = {key: p[key] for key in CONFIGURATION if key in p}
    client.update_function_configuration(FunctionName=name, **spelled(configuration))
    client.update_function_code(FunctionName=name, ImageUri=p["imageUri"])
    version = client.publish_version(FunctionName=name)
    return {"arn": version["FunctionArn"].rpartition(":")[0], "version": version["Version"]}


@removes("aws:lambda/function:Function")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("lambda").delete_function(FunctionName=name))


@makes("aws:lambda/invocation:Invocation")
@updates("aws:lambda/invocation:Invocation", "triggers", "qualifier")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    p.pop("triggers")
    client, function, version = emulator.client("lambda"), p.pop("functionName"), p.pop("qualifier")
    # Under mocks the program does not wait itself; here it is the same step, on the emulator.
    release.await_active(client, function, version)
    answer = client.invoke(FunctionName=function, Payload=p.pop("input"), Qualifier=version, **p)
    payload = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise DeploymentFailedError(payload)
    return {"result": payload}


@makes("aws:lambda/alias:Alias")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return _alias(emulator, emulator.client("lambda").create_alias(**spelled(p)))


@updates("aws:lambda/alias:Alias", "functionVersion")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return _alias(emulator, emulator.client("lambda").update_alias(**spelled(p)))


def _alias(emulator: Emulator, alias: Mapping[str, Any]) -> Outputs:
    arn = alias["AliasArn"]
    path = f"arn:aws:apigateway:{emulator.region}:lambda:path/2015-03-31/functions"
    return {"arn": arn, "invokeArn": f"{path}/{arn}/invocations"}


@removes("aws:lambda/alias:Alias")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    client = emulator.client("lambda")
    return dict(client.delete_alias(FunctionName=p["functionName"], Name=p["name"]))


@makes("aws:lambda/permission:Permission")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(
        emulator.client("lambda").add_permission(
            StatementId=name, FunctionName=p.pop("function"), **spelled(p)
        )
    )


@removes("aws:lambda/permission:Permission")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(
        emulator.client("lambda").remove_permission(
            StatementId=name, FunctionName=p["function"], Qualifier=p["qualifier"]
        )
    )


@makes("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("lambda").put_provisioned_concurrency_config(**spelled(p)))


@makes("aws:cloudwatch/eventRule:EventRule")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    tags = listed(p.pop("tags"))
    rule = emulator.client("events").put_rule(Name=name, Tags=tags, **spelled(p))
    return {"arn": rule["RuleArn"]}


@removes("aws:cloudwatch/eventRule:EventRule")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("events").delete_rule(Name=name))


@makes("aws:cloudwatch/eventTarget:EventTarget")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    rule = p["rule"]
    target = spelled({key: value for key, value in p.items() if key != "rule"})
    return dict(emulator.client("events").put_targets(Rule=rule, Targets=[{"Id": name, **target}]))


@removes("aws:cloudwatch/eventTarget:EventTarget")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("events").remove_targets(Rule=p["rule"], Ids=[name]))


@removes("aws:ssm/parameter:Parameter")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("ssm").delete_parameter(Name=name))


# The API


@makes("aws:apigatewayv2/api:Api")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    api = emulator.client("apigatewayv2").create_api(Name=name, **spelled(p))
    id_ = api["ApiId"]
    return {
        "id": id_,
        "apiEndpoint": api["ApiEndpoint"],
        "executionArn": f"arn:aws:execute-api:{emulator.region}:000000000000:{id_}",
    }


@removes("aws:apigatewayv2/api:Api")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("apigatewayv2").delete_api(ApiId=p["id"]))


@makes("aws:apigatewayv2/integration:Integration")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    integration = emulator.client("apigatewayv2").create_integration(
        **spelled(p, timeoutMilliseconds="TimeoutInMillis")
    )
    return {"id": integration["IntegrationId"]}


@removes("aws:apigatewayv2/integration:Integration")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    client = emulator.client("apigatewayv2")
    return dict(client.delete_integration(ApiId=p["apiId"], IntegrationId=p["id"]))


@makes("aws:apigatewayv2/route:Route")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return {"id": emulator.client("apigatewayv2").create_route(**spelled(p))["RouteId"]}


@removes("aws:apigatewayv2/route:Route")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("apigatewayv2").delete_route(ApiId=p["apiId"], RouteId=p["id"]))


@makes("aws:apigatewayv2/stage:Stage")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    emulator.client("apigatewayv2").create_stage(**spelled(p, name="StageName"))
    place = f"arn:aws:execute-api:{emulator.region}:000000000000"
    return {"executionArn": f"{place}:{p['apiId']}/{p['name']}"}


@removes("aws:apigatewayv2/stage:Stage")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    client = emulator.client("apigatewayv2")
    return dict(client.delete_stage(ApiId=p["apiId"], StageName=p["name"]))


# The jobs


@removes("aws:s3/bucket:Bucket")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    client = emulator.client("s3")
    for each in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=each["Key"])
    return dict(client.delete_bucket(Bucket=name))


@removes("aws:sqs/queue:Queue")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("sqs").delete_queue(QueueUrl=p["url"]))


@makes("aws:lambda/eventSourceMapping:EventSourceMapping")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    mapping = emulator.client("lambda").create_event_source_mapping(**spelled(p))
    return {"id": mapping["UUID"]}


@removes("aws:lambda/eventSourceMapping:EventSourceMapping")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("lambda").delete_event_source_mapping(UUID=p["id"]))


# The watch


@makes("aws:cloudwatch/metricAlarm:MetricAlarm")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    tags, dimensions = listed(p.pop("tags")), listed(p.pop("dimensions"), "Name")
    renamed = {"alarmActions": "AlarmActions", "okActions": "OKActions"}
    emulator.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Tags=tags, Dimensions=dimensions, **spelled(p, **renamed)
    )
    return {}


@removes("aws:cloudwatch/metricAlarm:MetricAlarm")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("cloudwatch").delete_alarms(AlarmNames=[name]))


@makes("aws:cloudwatch/dashboard:Dashboard")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("cloudwatch").put_dashboard(**spelled(p)))


@removes("aws:cloudwatch/dashboard:Dashboard")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(
        emulator.client("cloudwatch").delete_dashboards(DashboardNames=[p["dashboardName"]])
    )


@makes("aws:sns/topic:Topic")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    topic = emulator.client("sns").create_topic(Name=name, Tags=listed(p.pop("tags")), **p)
    return {"arn": topic["TopicArn"]}


@removes("aws:sns/topic:Topic")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("sns").delete_topic(TopicArn=p["arn"]))


@makes("aws:sns/topicSubscription:TopicSubscription")
def _(emulator: Emulator, name: str, p: Outputs) -> Outputs:
    return dict(emulator.client("sns").subscribe(TopicArn=p.pop("topic"), **spelled(p)))
