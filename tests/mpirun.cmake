# How tests start an MPI program: mpirun (a list; mpirun_text: one text), and the environment that it needs.
set(mpirun ${MPIEXEC_EXECUTABLE})
execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE launcher ERROR_QUIET)
set(environment "OMP_NUM_THREADS=1")
if(launcher MATCHES "Open MPI|OpenRTE")
  list(APPEND mpirun --oversubscribe)
  list(APPEND environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
endif()
list(JOIN mpirun " " mpirun_text)
