-- The part of QFieldCloud's schema that operations look at, as in v26.21 and later,
-- and a week of ordinary history, so that "nothing was lost" is worth checking.
create table project_project (
    id uuid primary key,
    name varchar(255) not null,
    owner_id integer not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    locked_at timestamptz,
    the_qgis_version_name varchar(255)
);

create table core_job (
    id uuid primary key,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    project_id uuid not null references project_project (id) deferrable initially deferred,
    output text,
    type varchar(32) not null,
    status varchar(32) not null,
    created_by_id integer not null,
    feedback jsonb,
    finished_at timestamptz,
    started_at timestamptz,
    docker_finished_at timestamptz,
    docker_started_at timestamptz,
    container_id varchar(64) not null,
    triggered_by_id integer
);
create index on core_job (status);
create index on core_job (project_id);

-- Every job has a child row by type; without it the application's dequeue crashes.
create table core_packagejob (
    job_ptr_id uuid primary key references core_job (id) deferrable initially deferred
);
create table core_applyjob (
    job_ptr_id uuid primary key references core_job (id) deferrable initially deferred,
    overwrite_conflicts boolean not null default true
);
create table core_processprojectfilejob (
    job_ptr_id uuid primary key references core_job (id) deferrable initially deferred
);

-- The stand-in for the API: a job and its child row. Returns the job's id.
create function live_add_job(project integer, job_type text, job_status text, created timestamptz)
returns uuid language plpgsql as $$
declare
    job uuid := gen_random_uuid();
begin
    insert into core_job (id, created_at, updated_at, project_id, type, status, created_by_id, container_id)
        values (job, created, created, md5('project-' || project)::uuid, job_type, job_status, 1, '');
    if job_type = 'delta_apply' then
        insert into core_applyjob (job_ptr_id) values (job);
    elsif job_type = 'process_projectfile' then
        insert into core_processprojectfilejob (job_ptr_id) values (job);
    else
        insert into core_packagejob (job_ptr_id) values (job);
    end if;
    return job;
end $$;

-- Back to the first day: 12 projects (two of QGIS 4), 60 old jobs of which two failed.
create function live_reset() returns void language sql as $$
    truncate core_packagejob, core_applyjob, core_processprojectfilejob, core_job, project_project;
    insert into project_project (id, name, owner_id, the_qgis_version_name)
        select md5('project-' || n)::uuid, 'survey_' || n, 1 + n % 4,
               case when n > 10 then '4.0.0' else '3.40.9' end
        from generate_series(1, 12) n;
    insert into core_job
        select md5('job-' || n)::uuid, t, t, md5('project-' || 1 + n % 12)::uuid,
               case when n % 29 = 0 then 'the job ran into an error' else 'done' end,
               (array['package', 'delta_apply', 'process_projectfile'])[1 + n % 3],
               case when n % 29 = 0 then 'failed' else 'finished' end,
               1 + n % 4, '{"outputs": {}}',
               case when n % 29 = 0 then null else t + interval '21 s' end,
               t + interval '2 s', t + interval '20 s', t + interval '3 s',
               md5('container-' || n) || md5('more-' || n), 1 + n % 4
        from generate_series(1, 60) n, lateral (select now() - n * interval '3 h' as t) at;
    insert into core_packagejob select id from core_job where type = 'package';
    insert into core_applyjob select id from core_job where type = 'delta_apply';
    insert into core_processprojectfilejob select id from core_job where type = 'process_projectfile';
$$;

select live_reset();
