//! `sluicegate serve`: starts the service, says what is where, and drains it on a signal.
use crate::args;
use crate::formers::{FORMERS_MAX, Formers};
use crate::signals::{self, Asked};
use crate::{config, log, say, settings};
use sluicegate_web::{Config, Served, Service, Settings, Target, memory, show_bytes};
use std::process::ExitCode;

/// Some requests were cut off, or a ledger is uneven.
const CUT_OFF: u8 = 1;

/// Serves until a signal comes.
///
/// # Errors
/// One sentence about why it cannot be started.
pub fn serve(args: args::Serve) -> Result<ExitCode, String> {
    log::install(args.log_level)?;
    let (mut config, flags) = read(&args)?;
    let wishes = signals::wishes().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let mut service = Service::start(&config).map_err(|error| error.to_string())?;
    let mut formers = Formers::default();
    for line in banner(&config, &service, &args, &flags) {
        say(&line);
    }
    let name = loop {
        match wishes.next().map_err(|error| format!("the signals' thread has ended: {error}"))? {
            Asked::Drain(name) => break name,
            Asked::Reopen => service.reopen_log().unwrap_or_else(|error| complain(&error)),
            Asked::Reload => match reload(&args, &mut service, &mut formers) {
                Ok(new) => {
                    config = new;
                    say("SIGHUP: the settings were read again");
                }
                Err(error) => {
                    complain(&error);
                    say("SIGHUP: the former settings hold on");
                }
            },
        }
    };
    say(&format!("{name}: answering what was begun, {:?} at most", config.drain));
    let served = formers.end(config.drain, || service.drain(config.drain));
    say(&farewell(&served));
    let even = served.flows_even && served.connections_even;
    Ok(if served.complete && even { ExitCode::SUCCESS } else { ExitCode::from(CUT_OFF) })
}

/// The settings as they are typed now, and the flags that were given.
fn read(args: &args::Serve) -> Result<(Config, Vec<&'static str>), String> {
    let mut settings = settings(args.config.as_deref())?;
    let mut given = take_flags(&mut settings, args)?;
    given.extend(take_variables(&mut settings)?);
    Ok((config(&settings)?, given))
}

/// Has a service with the settings of now succeed the one that runs. All or nothing.
fn reload(
    args: &args::Serve,
    service: &mut Service,
    formers: &mut Formers,
) -> Result<Config, String> {
    if formers.are_many() {
        return Err(format!(
            "{FORMERS_MAX} former services still answer what they began; ask again when one of \
             them has ended"
        ));
    }
    let (config, _) = read(args)?;
    let place = formers.place();
    let place = place.map_err(|error| format!("no thread for the former service: {error}"))?;
    place.take(service.succeed(&config).map_err(|error| error.to_string())?);
    Ok(config)
}

/// What was asked for by a signal cannot be done: a sentence a line.
fn complain(error: &impl ToString) {
    for line in error.to_string().lines() {
        tracing::error!(target: "sluicegate::service", "{line}");
    }
}

/// Puts flags in the place of what the file says; returns those that were given.
fn take_flags(settings: &mut Settings, args: &args::Serve) -> Result<Vec<&'static str>, String> {
    let one = |value: &Option<String>| value.iter().cloned().collect::<Vec<_>>();
    let mut given = Vec::new();
    for (name, flag, typed) in [
        ("root", "DIR", one(&args.dir)),
        ("listen", "--listen", args.listen.clone()),
        ("admin", "--admin", one(&args.admin)),
        ("admin_token_file", "--admin-token-file", one(&args.admin_token_file)),
        ("workers", "--workers", one(&args.workers)),
        ("io", "--io", one(&args.io)),
    ] {
        if !typed.is_empty() {
            settings.set(name, flag, &typed).map_err(|complaint| complaint.to_string())?;
            given.push(flag);
        }
    }
    Ok(given)
}

/// Puts what the variables of OpenTelemetry say where nothing else does; returns those that do.
fn take_variables(settings: &mut Settings) -> Result<Vec<&'static str>, String> {
    let mut given = Vec::new();
    for (name, variable) in
        [("otlp.endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"), ("otlp.service", "OTEL_SERVICE_NAME")]
    {
        let typed = std::env::var(variable).unwrap_or_default();
        if settings.place(name).is_none() && !typed.is_empty() {
            settings.set(name, variable, &[typed]).map_err(|complaint| complaint.to_string())?;
            given.push(variable);
        }
    }
    Ok(given)
}

/// What is served where, by what, and where the settings came from.
fn banner(config: &Config, service: &Service, args: &args::Serve, flags: &[&str]) -> Vec<String> {
    let site = match &config.site.root {
        Some(root) => root.display().to_string(),
        None => "the bundled demo site".to_owned(),
    };
    let places: Vec<_> = service.listening().iter().map(show).collect();
    let admin = match (service.admin(), &config.admin) {
        (Some(here), Some(wanted)) if here != wanted && !config.admin_asked => {
            format!("{} ({wanted} was taken)", show(here))
        }
        (Some(here), _) => show(here),
        (None, _) => "none".to_owned(),
    };
    let mut sources: Vec<String> = args.config.iter().map(|f| f.display().to_string()).collect();
    sources.extend(flags.iter().map(|flag| (*flag).to_owned()));
    sources.push("defaults".to_owned());
    let backend = service.backend();
    let why = backend.why().map(|why| format!(", as {why}")).unwrap_or_default();
    let cache = show_bytes(config.cache_budget);
    let cpus = config.cpus.as_ref().map(|cpus| format!(" to CPUs {cpus}")).unwrap_or_default();
    let mut lines = vec![
        format!("sluicegate {}", env!("CARGO_PKG_VERSION")),
        format!("  site      {site} on {}", places.join(", ")),
        format!("  admin     {admin}"),
        format!("  workers   {} pinned{cpus}, {}{why}", config.workers, backend.name()),
        format!("  memory    {cache} for the cache, of {}", show_bytes(memory::available())),
    ];
    let volumes = service.volumes().into_iter();
    lines.extend(
        volumes.map(|(at, generation)| format!("  volume    {at}, generation {generation}")),
    );
    if let Some(log) = &config.log {
        let target = match &log.target {
            Target::Stdout => "stdout".to_owned(),
            Target::Stderr => "stderr".to_owned(),
            Target::File(path) => path.display().to_string(),
        };
        lines.push(format!("  log       {target}"));
    }
    if let Some(otlp) = &config.otlp {
        lines.push(format!("  otlp      {} as {}", otlp.url(), otlp.name()));
    }
    lines.push(format!("  settings  {}", sources.join(", ")));
    lines
}

/// What was served, and whether everything is accounted for.
fn farewell(served: &Served) -> String {
    let even = match (served.flows_even, served.connections_even) {
        (true, true) => "both ledgers are even".to_owned(),
        (false, true) => format!("the ledger of requests is uneven: {}", served.detail),
        (true, false) => format!("the ledger of connections is uneven: {}", served.detail),
        (false, false) => format!("both ledgers are uneven: {}", served.detail),
    };
    let cut = match served.cut_off {
        0 => String::new(),
        n => format!(", {n} cut off"),
    };
    let (answered, connections) = (served.answered, served.connections);
    format!("answered {answered} requests on {connections} connections{cut}; {even}")
}

/// An address as a browser or a reader takes it.
fn show(address: &sluicegate_web::Addr) -> String {
    match address {
        sluicegate_web::Addr::Tcp(at) => format!("http://{at}/"),
        unix => unix.to_string(),
    }
}
