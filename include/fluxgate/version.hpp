#pragma once

/// The release of this library. Read by CMakeLists.txt, `--version` and the OpenAPI document.
#define FLUXGATE_VERSION "0.1.0"
