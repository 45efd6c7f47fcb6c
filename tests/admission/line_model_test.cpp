#include <catch2/catch.hpp>

#include "admission/line.hpp"
TEST_CASE("x") {}
