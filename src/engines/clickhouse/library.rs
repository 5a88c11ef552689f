//! The inside of the ClickHouse child: load the library, hand over, report how it ended.

use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// Opens the listener, then runs a statement that never ends, which keeps the process alive.
const QUERY: &CStr = c"SYSTEM START LISTEN HTTP; SELECT count() FROM system.numbers WHERE sleepEachRow(3) \
    SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0";

/// Exit code for a call that the supervisor never makes.
const USAGE: u8 = 2;

/// How far ClickHouse yields to others, as in `nice`.
const NICENESS: c_int = 10;
/// How far its merges yield, which nobody waits for.
const MERGE_NICENESS: c_int = 19;
/// What ClickHouse calls the threads that merge.
const MERGING: &str = "MergeMutate";
/// Between two looks for such threads: at first, and at most. They are made early and stay.
const LOOKS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

type QueryCommandLine = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
type ResultError = unsafe extern "C" fn(*mut c_void) -> *const c_char;

/// Becomes ClickHouse. `arguments`: the library, the configuration file, the data folder; all absolute. Returns only
/// when ClickHouse could not start or ended by itself, and has then written why to standard error.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let [library, config, data] = arguments.as_slice() else {
        eprintln!("this command is for linktrail itself");
        return ExitCode::from(USAGE);
    };
    raise_file_limit();
    step_back();
    #[cfg(target_os = "linux")]
    std::thread::spawn(keep_merges_back);
    match hand_over(Path::new(library), config, data) {
        Ok(()) => eprintln!("clickhouse ended by itself"),
        Err(error) => eprintln!("{error}"),
    }
    ExitCode::FAILURE
}

/// Has all of ClickHouse yield to the program that answers visitors, where both want the processor.
fn step_back() {
    // SAFETY: no memory is involved; without effect nothing is lost.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}

/// Has the threads that merge yield to those that take in and answer: under load parts are merged a little later, and
/// visitors wait less. A setting of ClickHouse's does the same, but asks for a privilege that this needs not.
#[cfg(target_os = "linux")]
fn keep_merges_back() {
    let [mut pause, longest] = LOOKS;
    loop {
        std::thread::sleep(pause);
        pause = (pause * 2).min(longest);
        for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            let name = std::fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
            let id = thread.file_name().to_str().and_then(|id| id.parse::<libc::id_t>().ok());
            if let Some(id) = id.filter(|_| name.trim_end() == MERGING) {
                // SAFETY: no memory is involved; without effect nothing is lost.
                unsafe { libc::setpriority(libc::PRIO_PROCESS, id, MERGE_NICENESS) };
            }
        }
    }
}

fn hand_over(library: &Path, config: &OsString, data: &OsString) -> Result<(), String> {
    let option = |name: &str, value: &OsString| {
        CString::new([name.as_bytes(), value.as_bytes()].concat()).map_err(|error| error.to_string())
    };
    // `--path` must be absolute, or every insert that syncs its folder fails. The name decides which tool it is.
    let mut arguments = [
        CString::from(c"clickhouse-local"),
        option("--config-file=", config)?,
        option("--path=", data)?,
        option("--query=", &OsString::from(QUERY.to_str().map_err(|error| error.to_string())?))?,
    ]
    .map(CString::into_raw);
    // SAFETY: the library is the pinned ClickHouse, whose two functions have these signatures; the arguments are
    // terminated strings that are never freed, since the library may keep them until the process ends.
    unsafe {
        let library =
            libloading::Library::new(library).map_err(|error| format!("cannot load {}: {error}", library.display()))?;
        let query: libloading::Symbol<'_, QueryCommandLine> =
            library.get(b"chdb_query_cmdline\0").map_err(|error| error.to_string())?;
        let failure: libloading::Symbol<'_, ResultError> =
            library.get(b"chdb_result_error\0").map_err(|error| error.to_string())?;
        let count = c_int::try_from(arguments.len()).map_err(|error| error.to_string())?;
        let result = query(count, arguments.as_mut_ptr());
        let outcome = match (!result.is_null()).then(|| failure(result)) {
            Some(text) if !text.is_null() => Err(CStr::from_ptr(text).to_string_lossy().into_owned()),
            _ => Ok(()),
        };
        // Unloading would run into threads that are still alive.
        std::mem::forget(library);
        outcome
    }
}

/// ClickHouse holds many files open; the usual soft limit of 1,024 is too low for it.
fn raise_file_limit() {
    // SAFETY: `limit` is plain data that the calls read and fill.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max;
            // Without it ClickHouse works as far as the soft limit goes.
            let _ = libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_none_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = hand_over(file.path(), &"/c".into(), &"/d".into()).unwrap_err();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_nul_in_a_path_is_an_error() {
        assert!(hand_over(Path::new("/l"), &"/c\0".into(), &"/d".into()).is_err());
    }
}
