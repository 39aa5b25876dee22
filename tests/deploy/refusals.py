"""The texts with which Google refuses a first deployment, as others met them, and which advice each is to get."""

# Those that pass by themselves, with what is waited for and the grant that helps where one stays.
PASSING = {
    "eventarc": (
        (
            "ResponseError: status=[403], code=[Ok], message=[Validation failed for trigger"
            ' projects/sounds-test/locations/us-central1/triggers/analyze-1: Permission "storage.buckets.get" denied'
            ' on "Bucket \\"my-sounds\\" could not be validated. Please verify that the bucket exists and'
            ' that the Eventarc service account has permission."]'
        ),
        "Eventarc's agent",
        ("service-123456789012@gcp-sa-eventarc.iam.gserviceaccount.com", "roles/eventarc.serviceAgent"),
    ),
    "sources": (
        (
            "OperationError: code=3, message=Build failed with status: FAILURE. Access to bucket"
            " gcf-v2-sources-123456789012-us-central1 denied. You must grant Storage Object Viewer permission to"
            " analyze-build@sounds-test.iam.gserviceaccount.com. If you are using VPC Service Controls,"
            " you must also grant it access to your service perimeter."
        ),
        "right of the build account to read the source",
        ("analyze-build@sounds-test.iam.gserviceaccount.com", "roles/storage.objectViewer"),
    ),
    "repository": (
        (
            "ResponseError: status=[403], code=[Ok], message=[Unable to retrieve the repository metadata for"
            " projects/sounds-test/locations/us-central1/repositories/gcf-artifacts. Ensure that the Cloud Functions"
            " service account has 'artifactregistry.repositories.list' and 'artifactregistry.repositories.get'"
            " permissions. You can add the permissions by granting the role 'roles/artifactregistry.reader'.]"
        ),
        "Cloud Functions' agent",
        ("service-123456789012@gcf-admin-robot.iam.gserviceaccount.com", "roles/artifactregistry.reader"),
    ),
    "account": (
        (
            "ResponseError: status=[404], code=[Ok], message=[Service account"
            " projects/-/serviceAccounts/analyze-run@sounds-test.iam.gserviceaccount.com was not found.]"
        ),
        "the service account was made a moment ago",
        None,
    ),
    "contention": (
        "ABORTED: Please retry, underlying data changed (409)",
        "something else is changing the same thing",
        None,
    ),
    "logs": (
        (
            "OperationError: code=3, message=Build failed: The service account running this build"
            " projects/sounds-test/serviceAccounts/analyze-build@sounds-test.iam.gserviceaccount.com does not have"
            " permission to write logs to Cloud Logging. To fix this, grant the Logs Writer"
            " (roles/logging.logWriter) role to the service account."
        ),
        "right of the build account to write logs",
        ("analyze-build@sounds-test.iam.gserviceaccount.com", "roles/logging.logWriter"),
    ),
}

# Others that pass by themselves, met on the way to a first trigger.
ALSO_PASSING = {
    "new account": "Service account analyze-run@sounds-test.iam.gserviceaccount.com does not exist.",
    "first trigger": "Since this is your first time using 2nd gen functions and you recently started to use Eventarc",
    "publishing": (
        "The Cloud Storage service account for your bucket is unable to publish to Cloud Pub/Sub topics in the"
        " specified project."
    ),
    "new api": (
        "Cloud Run Admin API has not been used in project 12 before or it is disabled. If you enabled this API"
        " recently, wait a few minutes for the action to propagate to our systems and retry."
    ),
    "build account": "Build failed because of a missing permission on the build service account.",
    "policies": "There were concurrent policy changes. Please retry the read-modify-write with backoff",
}

# Those that do not pass, with the advice that each gets: its name and what stands in it.
STAYING = {
    "Adding a binding without specifying a condition to a policy containing conditions is prohibited in non-interactive"
    " mode. Run the command again with `--condition=None`": ("condition", "--condition=None"),
    "You do not currently have an active account selected.": ("login", "gcloud auth login"),
    "There was a problem refreshing your current auth tokens: ('invalid_grant: Bad Request', ...)": (
        "login",
        "gcloud auth login",
    ),
    "Reauthentication failed. cannot prompt during non-interactive execution.": ("login", "gcloud auth login"),
    "Billing account for project '12' is not found. Billing must be enabled for activation of service(s)": (
        "billing",
        "linkedaccount?project=p",
    ),
    "PERMISSION_DENIED: This API method requires billing to be enabled. BILLING_DISABLED": (
        "billing",
        "linkedaccount?project=p",
    ),
    "HTTPError 403: The billing account for the owning project is disabled in state absent": (
        "billing",
        "linkedaccount?project=p",
    ),
    "FAILED_PRECONDITION: due to quota restrictions, cannot run builds in this region, see"
    " https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects (400)": (
        "build region",
        "us-central1, us-west2, europe-west1, asia-east1, australia-southeast1, southamerica-east1",
    ),
    "spec.template.spec.containers.resources.limits.cpu: Invalid value specified for cpu. For the specified value,"
    " maxScale may not exceed 2.\nConsider running your workload in a region with greater capacity": (
        "instances",
        "--max-instances 2,",
    ),
    "scaling.max_instance_count: Max instances must be set to 5 or fewer to set the requested total CPU.\n\n"
    "Quota violated:\nCpuAllocPerProjectRegion requested: 400000 allowed: 20000": ("instances", "--max-instances 5,"),
    "Quota violated:\nMemAllocPerProjectRegion requested: 858993459200 allowed: 42949672960": (
        "instances",
        "--max-instances N",
    ),
    "HTTP Error: 400, Location must equal europe-west2 because the App Engine app that is associated with this project"
    " is located in europe-west2": ("database location", "--location=europe-west2"),
    "FAILED_PRECONDITION: Constraint constraints/gcp.resourceLocations violated for projects/p": (
        "organisation policy",
        "(constraints/gcp.resourceLocations)",
    ),
    "Constraint constraints/cloudfunctions.allowedIngressSettings violated for projects/p attempting"
    " CreateFunctionActionV1 with ingress_settings set to ALLOW_ALL.": (
        "organisation policy",
        "(constraints/cloudfunctions.allowedIngressSettings)",
    ),
    "PERMISSION_DENIED: Organization policy constraint 'constraints/iam.allowedPolicyMemberDomains' violated.": (
        "organisation policy",
        "(constraints/iam.allowedPolicyMemberDomains)",
    ),
    "USER_PROJECT_DENIED: Caller does not have required permission to use project other": (
        "quota project",
        "set-quota-project p",
    ),
    "Eventarc API has not been used in project 12 before or it is disabled. SERVICE_DISABLED": ("api", "wait a little"),
    "HTTPError 403: x@y does not have storage.buckets.get access to the Google Cloud Storage bucket.": (
        "bucket",
        "choose another --bucket",
    ),
    "HTTPError 409: The requested bucket name is not available. The bucket namespace is shared": (
        "bucket",
        "choose another --bucket",
    ),
    "Missing necessary permission iam.serviceaccounts.actAs for $MEMBER on the service account"
    " analyze-run@p.iam.gserviceaccount.com.": (
        "act as",
        "add-iam-policy-binding analyze-run@p.iam.gserviceaccount.com --member=user:YOU",
    ),
    "PERMISSION_DENIED: Permission 'cloudfunctions.functions.create' denied on resource 'projects/p/locations/r'": (
        "permission",
        "the permission cloudfunctions.functions.create on projects/p/locations/r;",
    ),
    "PERMISSION_DENIED: Permission iam.serviceAccounts.create is required to perform this operation on project p.": (
        "rights",
        "--member=user:YOU --role=roles/a",
    ),
    "x@y does not have serviceusage.services.enable access to the project p": (
        "permission",
        "the permission serviceusage.services.enable on project p;",
    ),
    "PERMISSION_DENIED: The caller does not have permission": ("rights", "--member=user:YOU --role=roles/a"),
    "The bucket has too many notification configs for this event": ("notifications", "ten per event"),
    "OperationError: code=3, message=Build failed with status: FAILURE; see the log": ("build", "the build's log"),
    "ALREADY_EXISTS: Database already exists. Please use another database_id": ("name taken", "run the same command"),
    "ResponseError: status=[409], an operation is in progress": ("busy", "wait until that is done"),
    "RESOURCE_EXHAUSTED: Quota exceeded for quota metric 'Requests' (429)": ("quota", "used up that quota"),
    "ResponseError: status=[503]": ("fault", "status.cloud.google.com"),
    "no answer within 1900 s": ("fault", "status.cloud.google.com"),
    "something new": (None, "says what is wrong"),
}
