//! Links the addon as Node wants it: symbols of Node-API are found when it is loaded, and what was
//! loaded stays, because its threads outlive the JavaScript thread that loaded it.

fn main() {
    napi_build::setup();
}
