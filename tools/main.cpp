// The command `orrery`: looks into checkpoints and turns one format into another. Exit status: 0, 1 where something is wrong with a
// checkpoint (one line on stderr says what), 2 where the command line is.
#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "commands.hpp"
#include "orrery/core/error.hpp"
#include "orrery/version.hpp"

int main(int argc, char** argv) {
  CLI::App app("Looks into Orbax and Flax checkpoints, and converts them.", "orrery");
  app.set_version_flag("--version", fmt::format("orrery {}.{}.{}", ORRERY_VERSION_MAJOR, ORRERY_VERSION_MINOR, ORRERY_VERSION_PATCH));
  app.require_subcommand(1);
  orrery::tools::add_show(app);
  orrery::tools::add_convert(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "orrery: {}\n", error.what());
    return 1;
  }
}
