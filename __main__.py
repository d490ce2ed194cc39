"""ArtLine on AWS: photo in, line art out, paid for per photo. `pulumi up` deploys it."""

import pulumi

from stack import account
from stack.api import Api
from stack.function import Function, keep_warm
from stack.image import Image
from stack.jobs import Jobs, allow_origins
from stack.settings import Settings
from stack.token import Token
from stack.watch import Watch

settings = Settings.read()
account.check(settings)
image = Image("artline", settings)
token = Token("artline-token", settings) if settings.auth == "token" else None
jobs = Jobs("artline-jobs", image, settings) if settings.jobs else None
function = Function(
    "artline",
    image,
    settings,
    timeout=settings.timeout,
    grants=[part.grant for part in (token, jobs) if part],
    reserved_concurrency=settings.reserved_concurrency,
    snap_start=settings.warm == "snapstart",
)
keep_warm("artline-warm", function, settings)
api = Api("artline-api", function, settings)
if jobs:
    allow_origins("artline-jobs", jobs, api, settings)
watch = Watch("artline", settings, api=api, function=function, jobs=jobs)

pulumi.export("endpoint", api.endpoint)
pulumi.export("transformUrl", pulumi.Output.concat(api.endpoint, "/transform"))
pulumi.export("functionName", function.name)
pulumi.export("aliasArn", function.alias.arn)
pulumi.export("imageUri", image.uri)
pulumi.export("region", settings.region)
pulumi.export("dashboardUrl", watch.dashboard_url)
if jobs:
    pulumi.export("jobsUrl", pulumi.Output.concat(api.endpoint, "/jobs"))
    pulumi.export("bucketName", jobs.bucket.bucket)
    pulumi.export("workerName", jobs.worker.name)
