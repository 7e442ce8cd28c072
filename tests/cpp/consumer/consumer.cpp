// Checks an installed library as a user's first C++ program: the header, the matching library, and
// one call that does real work and fails with an exception that can be caught.
#include <kusto_ingest.hpp>

#include <iostream>

int main()
{
    std::cout << "kusto-ingest " << kusto::version() << '\n';
    if (kusto::version_number() != KUSTO_VERSION_NUMBER || kusto::abi_version() != KUSTO_ABI_VERSION) {
        std::cerr << "header and library differ\n";
        return 1;
    }
    try {
        const kusto::config config("No Such Keyword=1");
        std::cerr << "a wrong connection string was taken\n";
        return 1;
    } catch (const kusto::error &error) {
        std::cout << "as expected: " << error.what() << '\n';
    }
    return 0;
}
