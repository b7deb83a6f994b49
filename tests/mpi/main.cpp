// doctest under mpirun: every rank runs every case; the exit status is bad where any rank's is. Rank 0 says how many cases passed.
// ORRERY_TEST_MPI_FUNNELED=1: MPI may be used by the main thread alone.
#define DOCTEST_CONFIG_IMPLEMENT
#include <mpi.h>

#include <cstdio>
#include <cstdlib>

#include "doctest/doctest.h"

int main(int argc, char** argv) {
  const int wanted = std::getenv("ORRERY_TEST_MPI_FUNNELED") ? MPI_THREAD_FUNNELED : MPI_THREAD_MULTIPLE;
  int level = MPI_THREAD_SINGLE, rank = 0;
  MPI_Init_thread(&argc, &argv, wanted, &level);
  if (level < wanted) {
    std::fprintf(stderr, "this MPI has no thread level %d, only %d\n", wanted, level);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  doctest::Context context(argc, argv);
  if (rank != 0) context.setOption("minimal", true);  // speaks of failures only
  const int mine = context.run();
  int worst = 0;
  MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return worst;
}
