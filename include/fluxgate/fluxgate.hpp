#pragma once

/// All of fluxgate::engine. The HTTP service is in fluxgate/server.hpp.

#include "fluxgate/clock.hpp"
#include "fluxgate/engine.hpp"
#include "fluxgate/entropy.hpp"
#include "fluxgate/error.hpp"
#include "fluxgate/log_storage.hpp"
#include "fluxgate/operation.hpp"
#include "fluxgate/options.hpp"
#include "fluxgate/result.hpp"
#include "fluxgate/settings.hpp"
#include "fluxgate/stats.hpp"
#include "fluxgate/types.hpp"
#include "fluxgate/version.hpp"
