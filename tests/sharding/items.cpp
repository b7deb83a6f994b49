// items.hpp in one process:   items save DIR | items restore DIR
#include "items.hpp"

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const orrery::Mesh mesh = orrery::Mesh::local({4, 2}, {"x", "y"});
  if (argv[1] == std::string("save")) {
    items::save(mesh, argv[2]);
    return 0;
  }
  std::vector<orrery::NamedSharding> shardings;
  for (const orrery::PartitionSpec& spec : items::specs) shardings.emplace_back(mesh, spec);
  int failed = 0;
  items::restore(shardings, argv[2], [&](const std::string& what, const std::string& trouble) {
    failed += !trouble.empty();
    std::printf("%s orrery restores %s %s\n", trouble.empty() ? "PASS" : "FAIL", what.c_str(), trouble.c_str());
  });
  return failed ? 1 : 0;
}
