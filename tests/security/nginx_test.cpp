// The admin rule behind a real nginx on the same machine, so that the server's peer is loopback.

#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "http/fixture.hpp"
#include "support/child_process.hpp"
#include "support/free_port.hpp"
#include "support/skip.hpp"
#include "support/temp_dir.hpp"

namespace fluxgate::http {
namespace {

class Nginx {
 public:
  Nginx(std::uint16_t server, const std::string& directives) : port_(testing::free_port()) {
    const std::string dir = dir_.path().string();
    // One process: nothing of it is left when it is killed.
    std::string text = "daemon off;\nmaster_process off;\nerror_log stderr;\npid " + dir +
                       "/pid;\nevents {}\nhttp {\naccess_log off;\n";
    // As root it would become another user, who may not enter the test's directory.
    if (::getuid() == 0) text = "user root;\n" + text;
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
      text += std::string(kind) + "_temp_path " + dir + "/" + kind + ";\n";
    }
    text += "server {\nlisten 127.0.0.1:" + std::to_string(port_) + ";\nlocation / {\n" +
            directives + "proxy_pass http://127.0.0.1:" + std::to_string(server) + ";\n}\n}\n}\n";
    std::ofstream(dir_.path() / "nginx.conf") << text;
    process_ = std::make_unique<testing::ChildProcess>(
        testing::ProcessOptions{{binary(), "-c", dir + "/nginx.conf"}});
    REQUIRE(becomes_true([&] { return accepts(); }));
  }

  // Debian has it where only root's PATH looks.
  static const char* binary() { return "/usr/sbin/nginx"; }

  [[nodiscard]] HttpClient client() const { return HttpClient(port_); }

 private:
  [[nodiscard]] bool accepts() const {
    try {
      client().connect();
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  testing::TempDir dir_;
  std::uint16_t port_;
  std::unique_ptr<testing::ChildProcess> process_;
};

// With nginx's own defaults, with what its beginner's guide adds, and as most shops have it.
const std::vector<std::string>& configurations() {
  static const std::vector<std::string> all{
      "", "proxy_set_header Host $host;\n",
      "proxy_http_version 1.1;\nproxy_set_header Host $host;\n"
      "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"};
  return all;
}

std::vector<HttpRequest> admin_requests() {
  HttpRequest patch = post_json("/admin/settings", R"({"salePaused":true})");
  patch.method = "PATCH";
  return {post_json("/init", R"({"productId":"p","quantity":1000})"),
          get("/orders"),
          get("/orders?limit=1"),
          get("/products/p/audit"),
          get("/admin/settings"),
          patch,
          {.method = "POST", .target = "/admin/ticket-keys"}};
}

}  // namespace

TEST_CASE("nginx in front, on this machine: admin routes → nobody without the token",
          "[security][.nginx]") {
  if (::access(Nginx::binary(), X_OK) != 0) testing::skip("no nginx; install nginx");
  for (const std::string& directives : configurations()) {
    INFO("configuration: " << directives);
    for (const bool has_token : {false, true}) {
      ServerOptions options;
      if (has_token) options.admin_token = "s3cret-token";
      Sale sale(options);
      sale.init("p", 5);
      const Nginx nginx(sale.server->port(), directives);
      HttpClient client = nginx.client();
      for (HttpRequest request : admin_requests()) {
        INFO(request.method << " " << request.target);
        CHECK(client.request(request).status == 401);
        request.headers.push_back({"Authorization", "Bearer wrong"});
        CHECK(client.request(request).status == 401);
        request.headers.back().value = "Bearer s3cret-token";
        CHECK((client.request(request).status == 401) == !has_token);
      }
      // What is open is open.
      if (has_token) continue;
      CHECK(client.request(order("p", "ann", "k")).status == 200);
      CHECK(client.request(get("/products/p")).status == 200);
      // And the operator, at the server itself, is not shut out.
      CHECK(sale.client().request(get("/orders")).status == 200);
    }
  }
}

}  // namespace fluxgate::http
