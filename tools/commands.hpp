// The sub-commands: each adds itself to the command line and runs when it is chosen.
#pragma once

namespace CLI { class App; }

namespace orrery::tools {

void add_show(CLI::App& app);
void add_convert(CLI::App& app);

}  // namespace orrery::tools
