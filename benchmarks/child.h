// Child is another process of this program, with the same options and a role of its own. It says
// what it has to say line by line. It ends when that is said, or when its standard input does.
//
// Thread-safety: none.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_CHILD_H_
#define OUTLIVE_BENCHMARKS_CHILD_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "benchmarks/options.h"

namespace outlive::bench {

class Child {
 public:
  Child(const Options& options, const std::string& role);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Waits for its next line; without the line end.
  std::string ReadLine();

  // Writes a line to its input, and ends that.
  void Say(const std::string& line);
  void EndInput();

  // A line of numbers.
  std::vector<double> ReadNumbers();

 private:
  pid_t pid_ = 0;
  int to_child_ = -1;
  int from_child_ = -1;
  std::string read_;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_CHILD_H_
