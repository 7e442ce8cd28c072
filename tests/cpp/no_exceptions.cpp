// The `try_` forms in a program that is compiled without exceptions.
#include "harness.hpp"

#include <sstream>

#if KUSTO_HPP_EXCEPTIONS
#  error "compile this with -fno-exceptions"
#endif

using namespace harness;

static void errors_are_values()
{
    const auto config = kusto::config::try_make("Data Source=https://c.kusto.windows.net;Colour=red");
    CHECK_CODE(config, config);
    CHECK(config.error().step() == "parse connection string");
    auto dead = kusto::config::try_make("Data Source=http://127.0.0.1:1;Fed=false");
    CHECK(dead->try_set("retry time", "0"));
    const auto client = kusto::client::try_make(*dead);
    auto props = kusto::props::try_make("d", "t");
    CHECK(client && props->try_set_format(kusto::data_format::csv));
    CHECK_CODE(network, client.value().try_ingest(*props, "1,a\n", PATIENCE));
    CHECK_CODE(network, client.value().try_execute("", ".show version", PATIENCE));
}

static void failing_readers_return_less_than_nothing()
{
    auto config = kusto::config::try_make("Data Source=http://127.0.0.1:1;Fed=false");
    const auto client = kusto::client::try_make(*config);
    const auto props = kusto::props::try_make("d", "t");
    std::istringstream failed;
    failed.setstate(std::ios::badbit);
    auto operation = client.value().try_start_ingest(props.value(), kusto::source::try_istream(failed).value(), PATIENCE,
                                              [](kusto::result<kusto::receipt> came) { CHECK(!came); });
    CHECK(operation->try_wait(PATIENCE));
    CHECK(operation->try_get().code() != kusto::errc::ok);
}

int main()
{
    RUN(errors_are_values);
    RUN(failing_readers_return_less_than_nothing);
    return harness::end();
}
