-- What operators define. Codes are the numbers of the contract's enums (banyan.feedback.v1).

-- The tenants that have cases or a policy: what timers go through, so it is open to the system role. Holds nothing else.
create table feedback_tenant (
    tenant_id text collate "C" primary key
);
select protect('feedback_tenant');
select share('feedback_tenant');

-- Cases keep what they were classified with; all versions stay, so that a reader can tell what was offered when.
create table case_type (
    tenant_id text collate "C" not null,
    case_type_id text collate "C" not null,
    version integer not null check (version >= 1),
    product_id text collate "C" not null,
    display_name jsonb not null,
    department text collate "C" not null,
    urgency smallint check (urgency between 1 and 3),
    impact smallint check (impact between 1 and 3),
    answer_within_minutes integer not null check (answer_within_minutes between 0 and 43200),
    publish_time timestamptz not null,
    constraint case_type_pkey primary key (tenant_id, case_type_id, version)
);
select protect('case_type');

-- A case follows one version; the versions after it are applied to it one after the other, each from when it was published.
create table sla_policy (
    tenant_id text collate "C" not null,
    version integer not null check (version >= 1),
    calendars jsonb not null,
    targets jsonb not null,
    reopen_within_days integer not null check (reopen_within_days between 1 and 366),
    publish_time timestamptz not null,
    constraint sla_policy_pkey primary key (tenant_id, version)
);
select protect('sla_policy');

create table classification (
    tenant_id text collate "C" not null,
    version integer not null check (version >= 1),
    rules jsonb not null,
    user_value jsonb not null,
    important_from smallint not null check (important_from between 1 and 9),
    publish_time timestamptz not null,
    constraint classification_pkey primary key (tenant_id, version)
);
select protect('classification');
